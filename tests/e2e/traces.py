"""What a running platform has on the machine, and what of it is still there afterwards."""

import os
import subprocess
from pathlib import Path


def _stat(pid):
    """(parent, start time) of a process, None when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (OSError, IndexError):
        return None
    return (int(fields[1]), int(fields[19])) if fields[0] != "Z" else None


def descendants(root):
    """{pid: start time} of `root` and all below it."""
    known = {int(name): _stat(name) for name in os.listdir("/proc") if name.isdigit()}
    below, grown = {root}, True
    while grown:
        more = {pid for pid, stat in known.items() if stat and stat[0] in below} - below
        below |= more
        grown = bool(more)
    return {pid: known[pid][1] for pid in below if known.get(pid)}


def cgroups(pids):
    """Folders under /sys/fs/cgroup that these processes are in and that name marea."""
    found = set()
    for pid in pids:
        try:
            lines = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
        except OSError:
            continue
        for line in lines:
            _, controllers, path = line.split(":", 2)
            if "marea" in path:
                root = controllers.removeprefix("name=") or "."
                for top in ({root, *root.split(",")} if controllers else {".", "unified"}):
                    folder = Path("/sys/fs/cgroup") / top / path.lstrip("/")
                    if folder.is_dir():
                        found.add(str(folder))
    return found


def mounts(data_dir):
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return [line.split()[4] for line in lines if str(data_dir) in line]


def tag_of(data_dir):
    """The name by which a platform tells its own from another's on the same machine (sandbox_host.cc)."""
    folder, word = os.stat(data_dir), (1 << 64) - 1
    mixed = (folder.st_ino * 0x9E3779B97F4A7C15 & word) ^ (folder.st_dev * 0xC2B2AE3D27D4EB4F & word)
    return "".join("abcdefghijklmnopqrstuvwxyz234567"[mixed >> (20 + 5 * place) & 31] for place in range(5))


def links(tag):
    """Its virtual network links in the host's namespace."""
    done = subprocess.run(["ip", "-o", "link"], capture_output=True, text=True, check=True)
    names = (line.split(": ")[1].split("@")[0] for line in done.stdout.splitlines())
    return {name for name in names if name.startswith("mv" + tag)}


def tables(tag):
    """Its nftables tables."""
    done = subprocess.run(["nft", "list", "tables"], capture_output=True, text=True, check=True)
    return {line for line in done.stdout.splitlines() if line.endswith(" marea_" + tag)}


class Traces:
    """Take note while the platform runs, as often as you like; left() tells what remains once it has ended."""

    def __init__(self, root, data_dir):
        self.root, self.data_dir, self.tag = root, data_dir, tag_of(data_dir)
        self.pids, self.groups, self.links_seen, self.tables_seen = {}, set(), set(), set()

    def note(self):
        self.pids.update(descendants(self.root))
        self.groups |= cgroups(pid for pid, start in self.pids.items() if (_stat(pid) or (0, 0))[1] == start)
        self.links_seen |= links(self.tag)
        self.tables_seen |= tables(self.tag)

    def left(self):
        alive = [pid for pid, start in self.pids.items() if (_stat(pid) or (0, 0))[1] == start]
        return ([f"process {pid}: {_command(pid)}" for pid in alive] +
                [f"cgroup {group}" for group in sorted(self.groups) if os.path.isdir(group)] +
                [f"mount {mount}" for mount in mounts(self.data_dir)] +
                [f"link {name}" for name in sorted(links(self.tag))] +
                [f"nft {name}" for name in sorted(tables(self.tag))])


def _command(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return "?"
