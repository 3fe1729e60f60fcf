"""The house rules that a program can check. A rule takes a Tree (path → text) and yields Findings; it reads nothing
else, so that tidy_test.py can show each one a bad sample."""

import ast
import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from cpp_text import blank, functions

MOST_LINES = 600
MOST_FUNCTION_LINES = 70
BANNED_NAMES = "Manager Helper Util Utils Handler Provider Factory Context Impl".split()
MARKERS = ["TO" + "DO", "FIX" + "ME", "X" * 3, "HA" + "CK"]


@dataclass(frozen=True)
class Finding:
    rule: str
    path: str
    line: int
    text: str

    def __str__(self):
        return f"{self.path}:{self.line}: {self.text} [{self.rule}]"


def is_cpp(path):
    return path.endswith((".cc", ".h"))


def cpp(tree):
    return ((path, text) for path, text in tree.items() if is_cpp(path))


def python(tree):
    for path, text in tree.items():
        if path.endswith(".py") or text.startswith(("#!/usr/bin/python3", "#!/usr/bin/env python3")):
            yield path, text


def is_code(path, text):
    return is_cpp(path) or path.endswith((".py", ".cmake", "CMakeLists.txt")) or text.startswith("#!")


def each_match(rule, path, text, pattern, message):
    for match in re.finditer(pattern, text, re.MULTILINE):
        yield Finding(rule, path, text.count("\n", 0, match.start()) + 1, message.format(match.group(0).strip()))


def file_length(tree):
    for path, text in tree.items():
        lines = text.count("\n")
        if lines > MOST_LINES and is_code(path, text):
            yield Finding("file_length", path, 1, f"{lines} lines; {MOST_LINES} at most: split it by noun")


def function_length(tree):
    for path, text in cpp(tree):
        for line, lines, header in functions(text):
            if lines > MOST_FUNCTION_LINES:
                yield Finding("function_length", path, line, f"{lines} lines in '{header[-60:]}'")
    for path, text in python(tree):
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                lines = node.end_lineno - node.lineno + 1
                if lines > MOST_FUNCTION_LINES:
                    yield Finding("function_length", path, node.lineno, f"{lines} lines in '{node.name}'")


def marker(tree):
    for path, text in tree.items():
        yield from each_match("marker", path, text, r"\b(?:%s)\b" % "|".join(MARKERS), "leftover '{}'")


def banned_name(tree):
    names = "|".join(BANNED_NAMES)
    for path, text in cpp(tree):
        pattern = rf"\b(?:class|struct|union|enum class|enum|using|concept)\s+(?:\[\[\w+\]\]\s*)?\w*(?:{names})\b(?!::)"
        yield from each_match("banned_name", path, blank(text), pattern, "'{}' does not say what it is")
    for path in tree:
        word = PurePosixPath(path).stem.removesuffix("_test").split("_")[-1]
        if path.startswith("src/") and word.capitalize() in BANNED_NAMES:
            yield Finding("banned_name", path, 1, f"'{word}' does not say what it is")


def default_capture(tree):
    for path, text in cpp(tree):
        yield from each_match("default_capture", path, blank(text), r"\[=\s*[,\]]", "'{}' copies what nobody named")


def shell(tree):
    for path, text in cpp(tree):
        pattern = r"(?<![\w.>])(?<!\w::)(?:std::|::)?\b(?:system|popen)\s*\("
        yield from each_match("shell", path, blank(text), pattern, "'{}' runs a shell; start an argument vector")
    for path, text in python(tree):
        pattern = r"\bos\.(?:system|popen)\(|\bshell\s*=\s*" + "True"
        yield from each_match("shell", path, text, pattern, "'{}' runs a shell; start an argument vector")


def sleep_in_test(tree):
    for path, text in tree.items():
        if path.endswith("_test.cc"):
            pattern = r"\b(?:sleep_for|sleep_until|usleep|nanosleep|sleep)\s*\("
            yield from each_match("sleep_in_test", path, blank(text), pattern, "'{}': wait for an event instead")
        elif path.endswith("_test.py"):
            yield from each_match("sleep_in_test", path, text, r"\btime\.sleep\(", "'{}': wait for an event instead")


def using_namespace(tree):
    """A fuzz target is one file that speaks of one module alone; it may."""
    for path, text in cpp(tree):
        if path.endswith("_fuzz.cc"):
            continue
        yield from each_match("using_namespace", path, blank(text), r"^using namespace (?!std::[\w:]*literals;)[\w:]+",
                              "'{}' at file scope")


def machine_path(tree):
    pattern = "/wo" + r"rk/(?:wt|main|shared|\.library)\b|/home/[a-z]\w+|/Users/[A-Za-z]"
    for path, text in tree.items():
        yield from each_match("machine_path", path, text, pattern, "'{}' exists on one machine only")


def own_header_first(tree):
    """Then the build itself proves that each header with a .cc is self-contained; lint compiles the others alone."""
    for path, text in cpp(tree):
        own = path.removesuffix(".cc") + ".h"
        if path.startswith("src/") and path.endswith(".cc") and own in tree:
            includes = re.findall(r'^#include\s+["<]([^">]+)[">]', text, re.MULTILINE)
            if not includes or "src/" + includes[0] != own:
                yield Finding("own_header_first", path, 1, f'the first include must be "{own.removeprefix("src/")}"')


_LOCAL_NAMESPACE = re.compile(r"^namespace \{\n.*?^\}  // namespace$", re.DOTALL | re.MULTILINE)
_LOCAL_NAME = re.compile(r"^(?:(?:class|struct|enum(?: class)?) (\w+)(?= [:{]| final)|"  # a type
                         r"(?:static |inline )*(?:constexpr|const) [^=({\n]*?(\w+)(?:\[\w*\])*(?: = |\{|;)|"  # a constant
                         r"(?!using|template|class|struct|enum|return|namespace)[A-Za-z_][^=({\n]*?[ &*](\w+)\()",  # a function
                         re.MULTILINE)


def local_name(tree):
    """The sources of a folder are read as one where they are compiled in batches: what is local to one of them has a name
    that no other has. What two need alike is one thing, in a header."""
    owners = {}
    for path, text in cpp(tree):
        code = blank(text)
        batched = path.endswith(".cc") and path.startswith(("src/", "bench/"))
        for local in _LOCAL_NAMESPACE.finditer(text) if batched else []:
            for found in _LOCAL_NAME.finditer(code, local.start(), local.end()):
                name = found.group(1) or found.group(2) or found.group(3)
                key = (PurePosixPath(path).parent, path.endswith("_test.cc"), name)
                other = owners.setdefault(key, path)
                if other != path:
                    yield Finding("local_name", path, 1, f"'{name}' is also a local name of {other}")


def header_guard(tree):
    for path, text in cpp(tree):
        if path.endswith(".h") and not re.search(r"^#pragma once$", text, re.MULTILINE):
            yield Finding("header_guard", path, 1, "no #pragma once")
        if path.endswith(".h") and path.startswith("src/") and not text.startswith("//"):
            yield Finding("header_guard", path, 1, "a header begins with its manual, a comment")


def docs_title(tree):
    titles = {}
    for path, text in sorted(tree.items()):
        if not path.endswith(".md") or path.startswith((".", "examples/")):
            continue
        if not text.startswith("# "):
            yield Finding("docs_title", path, 1, "the first line must be its title")
            continue
        title = text.split("\n", 1)[0].lower()
        if title in titles:
            yield Finding("docs_title", path, 1, f"has the title of {titles[title]}")
        titles.setdefault(title, path)


def empty_test(tree):
    """NAME_fixture_test.cc is what other tests share; it is named so that only test programs are made of it."""
    for path, text in tree.items():
        if path.endswith("_fixture_test.cc"):
            continue
        if path.endswith("_test.cc"):
            code = blank(text)
            if not re.search(r"^TEST(?:_F|_P)?\(", code, re.MULTILINE):
                yield Finding("empty_test", path, 1, "no test in it")
            elif not re.search(r"\b(?:EXPECT_|ASSERT_|FAIL\(|ADD_FAILURE)", code):
                yield Finding("empty_test", path, 1, "expects nothing, so it cannot fail")
        elif path.endswith("_test.py"):
            if not re.search(r"^\s*def test_", text, re.MULTILINE):
                yield Finding("empty_test", path, 1, "no test in it")
            elif not re.search(r"\bassert\b|pytest\.raises|\bexpect_", text):
                yield Finding("empty_test", path, 1, "asserts nothing, so it cannot fail")


def fuzz_corpus(tree):
    for path in tree:
        if path.startswith("fuzz/") and path.endswith("_fuzz.cc"):
            folder = "fuzz/corpus/" + PurePosixPath(path).name.removesuffix("_fuzz.cc") + "/"
            if not any(other.startswith(folder) for other in tree):
                yield Finding("fuzz_corpus", path, 1, f"no inputs in {folder}")


def dead_file(tree):
    """What nothing names is dead: a header without an include, a page without a link, a tool that nobody calls."""
    for path in tree:
        name = PurePosixPath(path).name
        if path.endswith(".h") and path.startswith(("src/", "fuzz/", "bench/")):
            wanted = path.removeprefix("src/").removeprefix("fuzz/")
        elif path.endswith(".md") and path.startswith("docs/"):
            wanted = path.removeprefix("docs/")
        elif path.startswith(("tools/", "bench/")) and not re.fullmatch(r"p\d+\.py|CMakeLists\.txt", name):
            wanted = PurePosixPath(path).stem if name.endswith(".py") else name
        else:
            continue
        if not any(wanted in text for other, text in tree.items() if other != path):
            yield Finding("dead_file", path, 1, "nothing names this file")


RULES = [file_length, function_length, marker, banned_name, default_capture, shell, sleep_in_test, using_namespace,
         machine_path, own_header_first, local_name, header_guard, docs_title, empty_test, fuzz_corpus, dead_file]


def check(tree):
    return [finding for rule in RULES for finding in rule(tree)]
