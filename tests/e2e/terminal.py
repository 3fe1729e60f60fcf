"""A program on a terminal of its own: keys go in, what it shows comes out."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time


class Terminal:
    def __init__(self, words, environment, columns=80, lines=24):
        self.fd, other = pty.openpty()
        fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.process = subprocess.Popen(list(map(str, words)), stdin=other, stdout=other, stderr=other, close_fds=True,
                                        start_new_session=True, env={"TERM": "xterm", **environment},
                                        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(other)
        self.shown = ""

    def press(self, keys):
        os.write(self.fd, keys.encode())

    def _more(self, seconds):
        """False when the program has ended."""
        ready, _, _ = select.select([self.fd], [], [], seconds)
        if not ready:
            return True
        try:
            piece = os.read(self.fd, 65536)
        except OSError:  # the last one who had the other end is gone
            return False
        self.shown += piece.decode(errors="replace")
        return bool(piece)

    def wait_for(self, pattern, seconds=60):
        """The match; what was shown up to its end is taken."""
        end = time.monotonic() + seconds
        while True:
            found = re.search(pattern, self.shown)
            if found:
                self.shown = self.shown[found.end():]
                return found
            left = end - time.monotonic()
            assert left > 0, f"{pattern!r} was not shown; this was: {self.shown!r}"
            if not self._more(left):
                found = re.search(pattern, self.shown)
                assert found, f"the program ended, and {pattern!r} was not shown; this was: {self.shown!r}"

    def to_the_end(self):
        """Exit code and everything shown."""
        while self._more(60):
            pass
        return self.process.wait(timeout=60), self.shown

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.fd)
