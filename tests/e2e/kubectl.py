"""kubectl as tests call it: Debian 12's (1.20), unpacked into build/kubectl because its package collides with others that
bring a /usr/bin/kubectl, and newer ones where the machine has them."""

import shutil
import subprocess
import tempfile
from pathlib import Path

from running_platform import ROOT, Done

VERSIONS = ["1.20", "1.27", "1.30", "1.33"]
NEWER = [Path("/usr/lib/google-cloud-sdk/bin"), Path("/usr/local/bin"), Path("/usr/bin")]


def debian_kubectl():
    """The path of 1.20, fetched once."""
    folder = ROOT / "build" / "kubectl"
    program = folder / "usr" / "bin" / "kubectl"
    if not program.exists():
        with tempfile.TemporaryDirectory() as where:
            Path(where).chmod(0o755)
            done = subprocess.run(["apt-get", "download", "-q", "kubernetes-client"], cwd=where, capture_output=True,
                                  text=True, check=False)
            assert done.returncode == 0, f"apt-get download kubernetes-client: {done.stdout}{done.stderr}"
            subprocess.run(["dpkg", "-x", next(Path(where).glob("*.deb")), folder], check=True)
    return program


def find(version):
    """The path of that version's kubectl, None when it is not here."""
    if version == "1.20":
        return debian_kubectl()
    return next((path for folder in NEWER if (path := folder / f"kubectl.{version}").exists()), None)


def here():
    """The versions that this machine has or can have; the others are told at the end of a run."""
    return [version for version in VERSIONS if version == "1.20" or find(version)]


class Kubectl:
    """One version with the platform's own kubeconfig, and a cache that no other run has filled."""

    def __init__(self, program, platform):
        self.program = program
        self.folder = Path(tempfile.mkdtemp(prefix="marea-kubectl-"))
        self.config = self.folder / "config"
        self.config.write_text(platform.cli("kubeconfig").out)

    def command(self, *words):
        return [str(self.program), f"--kubeconfig={self.config}", f"--cache-dir={self.folder}/cache", *map(str, words)]

    def __call__(self, *words, given=None, rc=0, timeout=120):
        done = subprocess.run(self.command(*words), input=given, capture_output=True, text=True, timeout=timeout,
                              check=False, env={"PATH": "/usr/bin:/bin", "HOME": str(self.folder)})
        assert rc is None or done.returncode == rc, f"kubectl {' '.join(map(str, words))}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return Done(done.returncode, done.stdout, done.stderr)

    def start(self, *words):
        """Runs on; its stdout is read by the test."""
        return subprocess.Popen(self.command(*words), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True,
                                env={"PATH": "/usr/bin:/bin", "HOME": str(self.folder)})

    def remove(self):
        shutil.rmtree(self.folder, ignore_errors=True)
