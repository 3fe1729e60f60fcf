"""Reads C++ text just well enough for the house rules: comments and literals blanked, blocks with their headers."""

import re

_NOISE = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"(?P<tag>[^()\s\\]{0,16})\(.*?\)(?P=tag)"|"(?:\\.|[^"\\\n])*"|'
    r'(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])+\'',
    re.DOTALL)


def blank(text):
    """The same text, as long and with the same lines, without comments and the insides of literals."""

    def same_shape(match):
        found = match.group(0)
        inside = "".join("\n" if letter == "\n" else " " for letter in found)
        return inside if found.startswith("/") else '"' + inside[1:-1] + '"' if len(found) > 1 else found

    return _NOISE.sub(same_shape, text)


_DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.MULTILINE)
_SCOPE = re.compile(r"\b(?:namespace|class|struct|union|enum|extern)\b[^()]*$")
_STATEMENT_ENDS = {"const", "noexcept", "override", "final", "else", "do", "try", "mutable"}


class _Block:
    def __init__(self, code, header_start, position):
        header = code[header_start:position]
        self.start = header_start + len(header) - len(header.lstrip())
        self.body = position
        self.header_start = header_start
        self.header = " ".join(header.split())
        last = re.search(r"([\w>=(,]*)$", self.header).group(1)
        self.is_scope = bool(_SCOPE.search(self.header))
        self.is_value = not self.is_scope and last != "" and last not in _STATEMENT_ENDS and \
            "->" not in self.header.rsplit(")", 1)[-1]
        self.is_function = "(" in self.header and not self.is_scope and not self.header.endswith("=")
        self.table_lines = 0  # rows of tables inside: data, not steps


def functions(text):
    """(first line, lines without those of tables, header) of each outermost function body."""
    code = _DIRECTIVE.sub(lambda found: re.sub(r"[^\n]", " ", found.group(0)), blank(text))
    found, blocks, header_start, inside = [], [], 0, 0
    for position, letter in enumerate(code):
        if letter == "{":
            blocks.append(_Block(code, header_start, position))
            inside += blocks[-1].is_function
            header_start = position + 1
        elif letter == "}" and blocks:
            block = blocks.pop()
            inside -= block.is_function
            header_start = block.header_start if block.is_value else position + 1
            rows = code.count("\n", block.body, position)
            is_table = block.header.endswith("=") or ";" not in code[block.body:position]
            if block.is_value and is_table:
                if blocks:
                    blocks[-1].table_lines += rows
                continue
            if block.is_function and inside == 0:
                lines = code.count("\n", block.start, position) + 1 - block.table_lines
                found.append((code.count("\n", 0, block.start) + 1, lines, block.header))
            elif blocks:
                blocks[-1].table_lines += block.table_lines
        elif letter == ";" and code.count("(", header_start, position) <= code.count(")", header_start, position):
            header_start = position + 1
    return found
