"""The completion key, pressed in real shells on a real terminal."""

import os
import shutil

import pytest

from running_platform import BIN, manifest
from terminal import Terminal

SHELLS = {
    "bash": ["bash", "--norc", "--noprofile", "-i"],
    "zsh": ["zsh", "-f", "-i"],
    "fish": ["fish", "--no-config", "--private", "-i"],
}


@pytest.fixture(params=sorted(SHELLS))
def press(request, platform, tmp_path):
    """press("marea dep") → the words of the line after the completion key."""
    shell = request.param
    assert shutil.which(shell), f"{shell} is not installed: ./dev setup tests"
    terminal = Terminal(SHELLS[shell], {
        "PATH": f"{BIN.parent}:/usr/bin:/bin", "HOME": str(tmp_path), "MAREA_SERVER": f"unix:{platform.api}", "PS1": "$ ",
        "LANG": "C.UTF-8"})
    try:
        os.makedirs(tmp_path / "layouts" / "shop")
        terminal.press(f"cd {tmp_path}\r")
        if shell == "fish":
            terminal.press("marea completion fish | source; echo rea'dy'\r")
        else:
            terminal.press(f"source <(marea completion {shell}); echo rea'dy'\r")
        terminal.wait_for("ready\r")
        count = 0

        def press(typed):
            nonlocal count
            count += 1
            # A mark behind it, Ctrl-A, and a command before it: the completed line becomes what that prints.
            terminal.press(f"{typed}\t@end\x01printf '<%s>\\n' {count} \r")
            shown = terminal.wait_for(rf"(?s)<{count}>\r?\n<marea>\r?\n<(.*?)@end>").group(1)
            return shown.replace("\r", "").split(">\n<")

        yield press
    finally:
        terminal.close()


def test_verbs_options_and_values_are_completed(press):
    assert press("marea dep") == ["deploy", ""]
    assert press("marea services desc") == ["services", "describe", ""]
    assert press("marea deploy web --mem") == ["deploy", "web", "--memory", ""]
    assert press("marea services -o js") == ["services", "-o", "json", ""]
    assert press("marea services --output=js") == ["services", "--output=json", ""]
    assert press("marea serve --limit=queue-req") == ["serve", "--limit=queue-requests="]
    assert press("marea help E_PORT") == ["help", "E_PORT_MISMATCH", ""]


def test_paths_are_the_shells_own_and_layouts_keep_their_scheme(press):
    assert press("marea up lay") == ["up", "layouts/"]
    assert press("marea deploy web --image oci:lay") == ["deploy", "web", "--image", "oci:layouts/"]
    assert press("marea deploy web --image oci:layouts/sh") == ["deploy", "web", "--image", "oci:layouts/shop/"]


def test_names_are_asked_of_the_platform(press, platform, name, tide):
    platform.apply(manifest(name, tide))
    platform.wait_ready(name)
    revision = platform.service(name)["status"]["latestReadyRevisionName"]
    assert press(f"marea services describe {name[:-2]}") == ["services", "describe", name, ""]
    assert press(f"marea logs {name} --revision {name[:8]}") == ["logs", name, "--revision", revision, ""]
    assert press(f"marea revisions describe {name}-0") == ["revisions", "describe", revision, ""]
