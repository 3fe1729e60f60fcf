"""docs/metrics.md lists exactly what src/model/metric_table.h has."""

import re

import repository

ROW = re.compile(r'^  X\((\w+), "([^"]+)", (\w+), (\w+), "([^"]*)", "([^"]+)"\)', re.M)


def documented(text):
    return [line for line in text.splitlines() if line.startswith("| `marea_")]


def expected(table):
    return [f"| `{name}` | {kind} | {labels.replace(',', ', ')} | {text} |"
            for _, name, kind, _, labels, text in ROW.findall(table)]


def test_the_page_and_the_table_are_the_same():
    table = (repository.ROOT / "src" / "model" / "metric_table.h").read_text(encoding="utf-8")
    page = (repository.ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    assert len(expected(table)) == len(re.findall(r"^  X\(", table, re.M)), "a row of the table is not understood"
    assert documented(page) == expected(table)


def test_a_row_that_is_missing_is_seen():
    sample = '  X(one, "marea_one_total", counter, one, "service,revision", "One") \\\n'
    assert expected(sample) == ["| `marea_one_total` | counter | service, revision | One |"]
    assert documented("| `marea_two` | gauge |  | Two |\n") != expected(sample)
