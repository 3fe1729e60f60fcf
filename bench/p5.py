"""P5: from a service at zero to the first byte of its first answer, through the router: a static C++ app, its image
unpacked, nothing else prepared. The service falls to zero before each start.

Peers, in turn with it: the same program started bare (fork and exec) until its first byte; and crun's `run` of it in a
bundle until it has ended, which is what the container itself costs, without network, file system layers or router.
Wall clock needs a machine that does nothing else: look at `load`, and at the CPU time of a start and its end beside it."""

import contextlib
import json
import os
import subprocess
import time

import ground
from figure import emit, percentile, say
from running_platform import free_port, manifest
from waiting import until

STARTS = 25
REST = 0.3  # seconds, after the last instance is gone: what its end still costs shall not be in the next start
NAMESPACES = ("pid", "network", "ipc", "uts", "mount")


def until_zero(platform, service):
    """No instance in any state: what is being cleaned up would share the processor with the next start."""
    path = f"/apis/marea.dev/v1/instances?service={service}"
    until(lambda: not [one for one in platform.call(path).json()["items"] if one["state"] not in ("stopped", "failed")],
          f"{service} is at zero")
    time.sleep(REST)


def cold_start(platform):
    until_zero(platform, "cold")
    return ground.first_byte(platform.http_port, "cold.localhost") * 1e3


def bare_start():
    port = free_port()
    start = time.perf_counter()
    pid = os.posix_spawn(ground.BIN / "bench-backend", ["bench-backend"], {"PORT": str(port)})
    try:
        while True:
            with contextlib.suppress(ConnectionRefusedError):
                ground.first_byte(port, "cold.localhost")
                return (time.perf_counter() - start) * 1e3
    finally:
        os.kill(pid, 15)
        os.waitpid(pid, 0)


def make_bundle(where):
    for name in ("dev", "proc"):
        (where / "rootfs" / name).mkdir(parents=True)
    (where / "rootfs" / "backend").write_bytes((ground.BIN / "bench-backend").read_bytes())
    (where / "rootfs" / "backend").chmod(0o755)
    (where / "config.json").write_text(json.dumps({
        "ociVersion": "1.0.0", "root": {"path": "rootfs", "readonly": True},
        "process": {"cwd": "/", "args": ["/backend", "--exit"], "user": {"uid": 0, "gid": 0}, "noNewPrivileges": True},
        "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"},
                   {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]}],
        "linux": {"namespaces": [{"type": name} for name in NAMESPACES]}}))
    return where


@contextlib.contextmanager
def mounts_for_crun():
    """A mount namespace without the v2 tree beside the v1 ones, the mixture that crun 1.8 refuses."""
    with ground.process("unshare", "--mount", "--propagation", "private", "sleep", "infinity") as holder:
        until(lambda: ground.command_line(holder.pid)[0] == "sleep", "the mount namespace is made", pause=0.01)
        subprocess.run(["nsenter", f"--target={holder.pid}", "--mount", "umount", "/sys/fs/cgroup/unified"],
                       stderr=subprocess.DEVNULL, check=False)  # refused where there is one tree only
        with open(f"/proc/{holder.pid}/ns/mnt") as namespace:
            yield namespace


def crun_run(bundle, mounts):
    start = time.perf_counter()
    subprocess.run(["crun", f"--root={bundle.parent}/crun", "run", f"--bundle={bundle}", f"marea-bench-{os.getpid()}"],
                   stdin=subprocess.DEVNULL, check=True, preexec_fn=lambda: ground.enter(mounts))
    return (time.perf_counter() - start) * 1e3


def main():
    ground.need("crun", "unshare", "nsenter", ground.BIN / "bench-backend")
    samples = {"marea": [], "fork+exec": [], "crun run": []}
    with ground.folder() as where, mounts_for_crun() as mounts, ground.platform() as platform:
        bundle = make_bundle(where / "bundle")
        platform.apply(manifest("cold", ground.backend_image(where / "image"), max_scale=1, idle="0s"), True, "--wait")
        cold_start(platform)
        until_zero(platform, "cold")
        roles = [platform.process.pid, *ground.below(platform.process.pid)]
        before = ground.cpu_seconds(roles, ended_children=True)
        for turn in range(STARTS):
            samples["marea"].append(cold_start(platform))
            samples["fork+exec"].append(bare_start())
            samples["crun run"].append(crun_run(bundle, mounts))
            say(f"P5 start {turn + 1}: " + ", ".join(f"{name} {taken[-1]:.2f} ms" for name, taken in samples.items()))
        until_zero(platform, "cold")
        spent = ground.cpu_seconds(roles, ended_children=True) - before
    marea = samples.pop("marea")
    emit("P5", "ms", marea, {"value": 30}, samples, ("crun run",), cpu_ms_start_and_end=spent / STARTS * 1e3,
         **{f"p{percent}": percentile(marea, percent) for percent in (50, 90, 99)})


if __name__ == "__main__":
    main()
