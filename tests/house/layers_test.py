"""The include table of docs/architecture.md is the law: an #include that it does not allow fails, and so does a DEPENDS
list of src/CMakeLists.txt that says otherwise."""

import re

import repository


def read_table(page):
    """folder without src/ → (level, modules it may include), from the one table with these columns."""
    table, columns = {}, None
    for line in page.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")] if line.startswith("|") else []
        if cells == ["folder", "level", "purpose", "may include"]:
            columns = cells
        elif columns and not cells:
            break
        elif columns and not set(line) <= set("|- "):
            listed = [name.strip() for name in cells[3].split(",") if name.strip()]
            table[cells[0].removeprefix("src/")] = (int(cells[1]), listed)
    return {folder: (level, sorted(set(table) - {folder}) if listed == ["all"] else listed)
            for folder, (level, listed) in table.items()}


def module_of(path, table):
    """The longest folder of the table that holds `path`, which is relative to src/."""
    holders = [folder for folder in table if path.startswith(folder + "/")]
    return max(holders, key=len) if holders else None


def faults(page, files, cmake):
    """Everything in which the sources (path under src/ → text) and the CMake lists break the page's table."""
    table = read_table(page)
    for folder, (level, listed) in table.items():
        for other in listed:
            if other not in table:
                yield f"{folder} may include {other}, which has no row"
            elif table[other][0] > level:
                yield f"{folder} (level {level}) may include {other} (level {table[other][0]})"
    for path, text in files.items():
        module = module_of(path, table)
        if module is None:
            yield f"{path}: its folder has no row"
            continue
        for line in re.finditer(r'^\s*#\s*include\s+"([^"]+)"', text, re.MULTILINE):
            included = line.group(1)
            other = module_of(included, table)
            if other is None or included not in files:
                yield f'{path}: "{included}" is no file of a module; name it from src/'
            elif other != module and other not in table[module][1]:
                yield f'{path}: {module} may not include "{included}"'
    declared = {}
    for call in re.finditer(r"marea_module\(([\w/]+)(.*?)\)", re.sub(r"#.*", "", cmake), re.DOTALL):
        depends = re.search(r"\bDEPENDS\b([\s\w/]*?)(?:\b(?:LIBRARIES|EXCLUDE|DIR)\b|$)", call.group(2))
        declared[call.group(1)] = depends.group(1).split() if depends else []
    for folder, depends in declared.items():
        listed = table.get(folder, (0, []))[1]
        if sorted(depends) != sorted(listed):
            yield f"CMake lets {folder} include {sorted(depends)}, the table {sorted(listed)}"
    for folder in set(table) - set(declared):
        yield f"{folder} has a row and no marea_module()"


PAGE = """
| folder | level | purpose | may include |
|---|---|---|---|
| src/base | 0 | x | |
| src/net/http | 0 | x | |
| src/net | 1 | x | net/http, base |
| src/app | 5 | x | all |
"""
CMAKE = "marea_module(base)\nmarea_module(net/http)\nmarea_module(net DEPENDS net/http base LIBRARIES T::t)\n" \
        "marea_module(app DEPENDS base net\n  net/http)\n"
FILES = {"base/a.h": "#include <map>\n", "net/http/c.h": "", "net/l.h": '#include "base/a.h"\n#include "net/http/c.h"\n',
         "app/m.cc": '#include "net/l.h"\n'}


def test_what_the_table_allows_passes():
    assert list(faults(PAGE, FILES, CMAKE)) == []


def test_a_forbidden_include_is_found():
    assert list(faults(PAGE, FILES | {"base/b.cc": '  #  include "net/l.h"\n'}, CMAKE))
    assert list(faults(PAGE, FILES | {"net/http/d.cc": '#include "net/l.h"\n'}, CMAKE))


def test_an_include_that_is_not_named_from_src_is_found():
    assert list(faults(PAGE, FILES | {"net/m.cc": '#include "l.h"\n'}, CMAKE))
    assert list(faults(PAGE, FILES | {"net/m.cc": '#include "../base/a.h"\n'}, CMAKE))


def test_a_folder_without_a_row_is_found():
    assert list(faults(PAGE, FILES | {"sea/a.h": ""}, CMAKE))


def test_a_row_that_looks_upwards_is_found():
    assert list(faults(PAGE.replace("| src/base | 0 | x | |", "| src/base | 0 | x | net |"), FILES,
                       CMAKE.replace("marea_module(base)", "marea_module(base DEPENDS net)")))


def test_cmake_lists_that_differ_are_found():
    assert list(faults(PAGE, FILES, CMAKE.replace("net/http base", "base")))
    assert list(faults(PAGE, FILES, CMAKE.replace("marea_module(base)", "marea_module(base DEPENDS net)")))
    assert list(faults(PAGE, FILES, CMAKE.replace("marea_module(base)\n", "")))


def test_the_sources_keep_the_table():
    tree = repository.tree()
    files = {path.removeprefix("src/"): text for path, text in tree.items()
             if path.startswith("src/") and path.endswith((".cc", ".h"))}
    found = list(faults(tree["docs/architecture.md"], files, tree["src/CMakeLists.txt"]))
    assert found == [], "\n" + "\n".join(found)
    assert len(read_table(tree["docs/architecture.md"])) >= 10
