"""What the command line shows on a real terminal: steps on one redrawn line, colour unless NO_COLOR, 80 columns."""

import re

from running_platform import BIN
from terminal import Terminal


def shown(platform, *words, **environment):
    terminal = Terminal([BIN, *words], {"MAREA_SERVER": f"unix:{platform.api}", "PATH": "/usr/bin:/bin", **environment})
    try:
        return terminal.to_the_end()
    finally:
        terminal.close()


def test_a_deploy_shows_its_steps_on_a_line_that_is_redrawn(platform, name, tide):
    code, text = shown(platform, "deploy", name, "--image", tide, "--args", "--delay", "--args", "1500",
                       LANG="es_ES.UTF-8")
    assert code == 0 and f"http://{name}.localhost:{platform.http_port}" in text
    drawn = re.findall(r"\r\x1b\[K([^\r\n]*)", text)
    assert len(drawn) > 2 and all(re.search(r" \(\d+\.\d s\)$", line) and len(line) < 80 for line in drawn)
    assert text.rstrip().splitlines()[-1].strip() == f"http://{name}.localhost:{platform.http_port}"


def test_a_pipe_gets_plain_lines(platform, name, tide):
    done = platform.cli("deploy", name, "--image", tide)
    assert "\r" not in done.err and "\x1b" not in done.err
    assert done.out == f"http://{name}.localhost:{platform.http_port}\n"


def test_colour_is_left_out_when_asked(platform):
    code, text = shown(platform, "services", "describe", "nobody")
    assert code == 3 and "\x1b[31m" in text
    code, text = shown(platform, "services", "describe", "nobody", NO_COLOR="1")
    assert code == 3 and "\x1b" not in text
    code, text = shown(platform, "services", "describe", "nobody", TERM="dumb")
    assert code == 3 and "\x1b" not in text
