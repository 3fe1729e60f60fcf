"""docs/cli.md has exactly the verbs, exit codes and codes of errors that the program's own tables have, and the manual
page made of them is one that man and mandoc accept."""

import json
import os
import re
import subprocess

import pytest

import repository

BIN = repository.ROOT / "build" / "debug" / "bin" / "marea"
# A page that the program makes of itself has no date of its own.
TOLERATED = re.compile(r"missing date")


def run(*words, language="C.UTF-8"):
    assert BIN.exists(), f"{BIN} is missing; build first: ./dev build"
    return subprocess.run([str(BIN), *words], capture_output=True, text=True, check=True,
                          env={**os.environ, "LC_ALL": language, "ASAN_OPTIONS": "detect_leaks=0"}).stdout


@pytest.fixture(scope="module")
def table():
    return json.loads(run("commands", "-o", "json"))


def cell(text):
    return text.replace("|", "\\|")


def verb_rows(table):
    return [f"| `{cell(item['usage'])}` | {cell(item['summary']['en'])} |" for item in table["items"]]


def exit_rows(table):
    return [f"| {item['exit']} | {item['meaning']['en']} |" for item in table["exits"]]


def code_rows(table):
    return [f'| <a id="{item["code"].lower()}"></a>{item["code"]} | {item["exit"]} | {cell(item["meaning"]["en"])} | '
            f'{cell(item["remedy"]["en"])} |' for item in table["codes"]]


def told(page, pattern):
    return re.findall(pattern, page, re.MULTILINE)


def faults(page, table):
    """What the page lacks or has too much."""
    for pattern, rows in ((r"^\| `marea .*$", verb_rows(table)), (r"^\| \d+ \|.*$", exit_rows(table)),
                          (r'^\| <a id="e_.*$', code_rows(table))):
        if told(page, pattern) != rows:
            yield "\n".join(["docs/cli.md should say:", *rows])


def test_the_page_and_the_program_say_the_same(table):
    found = list(faults(repository.tree()["docs/cli.md"], table))
    assert not found, "\n".join(found)


def test_a_difference_is_seen(table):
    page = "\n".join(verb_rows(table) + exit_rows(table) + code_rows(table))
    assert not list(faults(page, table))
    assert list(faults(page.replace("print the URL", "print a URL"), table))
    assert list(faults(page.replace("E_IO", "E_OI"), table))
    assert list(faults(page + "\n| 9 | another |", table))


def test_every_code_of_an_error_has_its_texts_in_both_languages(table):
    header = repository.tree()["src/base/error.h"]
    listed = re.findall(r"^  \w+, +// (E_\w+)", header, re.MULTILINE)
    assert [item["code"] for item in table["codes"]] == listed and len(listed) >= 29
    for item in table["codes"]:
        for part in ("meaning", "remedy"):
            assert item[part]["en"] and item[part]["es"] and item[part]["en"] != item[part]["es"]


def test_every_place_that_errors_point_to_is_there():
    tree = repository.tree()
    pointed = {found for path, text in tree.items() if path.startswith("src/") and "_test." not in path
               for found in re.findall(r'"(docs/[\w/]+\.md(?:#[\w-]+)?)"', text)}
    assert len(pointed) >= 3
    for place in pointed:
        page, _, anchor = place.partition("#")
        assert page in tree, place
        assert not anchor or f'<a id="{anchor}">' in tree[page], place


@pytest.mark.parametrize("language", ["C.UTF-8", "es_ES.UTF-8"])
def test_the_manual_is_accepted(language, tmp_path):
    page = tmp_path / "marea.1"
    page.write_text(run("man", language=language), encoding="utf-8")
    man = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", str(page)], capture_output=True, text=True, check=False,
                         env={**os.environ, "LC_ALL": "C.UTF-8", "MANPAGER": "cat"})
    assert man.returncode == 0 and man.stderr == ""
    assert "--output table|json|yaml|name" in re.sub(r"\x1b\[[\d;]*m|.\x08", "", man.stdout)
    lint = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", str(page)], capture_output=True, text=True, check=False).stdout
    assert [line for line in lint.splitlines() if not TOLERATED.search(line)] == []
