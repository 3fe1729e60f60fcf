"""marea-load (bench/load) from Python: starts it, changes its mix, and collects what it says."""

import contextlib
import json
import subprocess
import threading

import ground


class Load:
    """`stages` are as on its command line. Use as a context; then `lost`, `others` and `summary` are there."""

    def __init__(self, port, *stages, kinds=(), connections=512, timeout=60, seed=1):
        words = [str(ground.BIN / "marea-load"), str(port), "--connections", str(connections), "--timeout", str(timeout),
                 "--seed", str(seed)]
        for stage in stages:
            words += ["--stage", stage]
        for kind in kinds:
            words += ["--kind", kind]
        self.words, self.others, self.progress, self.summary = words, [], {}, None
        self.process = self.reader = None

    def __enter__(self):
        self.process = subprocess.Popen(self.words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.reader = threading.Thread(target=self._read)
        self.reader.start()
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            self.process.kill()
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.reader.join()
        self.process.stdout.close()
        self.process.wait()
        if kind is None and self.summary is None:
            raise RuntimeError(f"marea-load ended with {self.process.returncode}")

    def _read(self):
        for line in self.process.stdout:
            said = json.loads(line)
            if "progress" in said:
                self.progress = said["progress"]
            elif "summary" in said:
                self.summary = said["summary"]
            else:
                self.others.append(said)

    def _say(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def mix(self, kind):
        """A kind that joins, or the new share of one that is known."""
        self._say(kind)

    def stop(self):
        """Nothing more is planned; what is under way ends."""
        self._say("stop")

    @property
    def lost(self):
        """Those of which a client that does not try again would say that the platform lost them."""
        return [one for one in self.others if is_lost(one)]


def is_lost(one):
    """A reset, an end, silence, something else than the answer, or a 5xx that no app made."""
    return one["outcome"] != "marea" or one["status"] >= 500
