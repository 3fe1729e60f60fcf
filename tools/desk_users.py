"""Users of the loan desk of examples/prestamos: each keeps the cookies that he is given, all together ask at a rate.

    with DeskUsers(port, "prestamos.localhost", rate=100) as users:
        …
    users.count("app")       answers with a 5xx that the desk itself made
    users.count("lost")      no answer, half an answer, or a 5xx that the desk did not make
"""

import http.client
import random
import threading
import time
from collections import Counter

QUOTE = "/api/quote?amount_cents=100000&annual_rate_bp=1200&months=12&method="
CONSTANT = QUOTE + "constant_principal"
# What clerks and customers ask, with its share.
ASKED = ((QUOTE + "french", 0.6), (CONSTANT, 0.2), ("/api/customers/1", 0.2))
THREADS = 12
TIMEOUT = 30


class DeskUsers:
    def __init__(self, port, host, rate=100, users=400, seed=1):
        self.port, self.host, self.rate = port, host, rate
        self.cookies = [""] * users
        self.outcomes = Counter()  # (kind, path) → how many
        self.details = Counter()   # of what was not answered well
        self.dice, self.lock, self.done = random.Random(seed), threading.Lock(), threading.Event()
        self.next = time.monotonic()
        self.threads = [threading.Thread(target=self._ask_on) for _ in range(THREADS)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        for thread in self.threads:
            thread.join()

    def count(self, kind):
        """Of "ok", "app" and "lost"."""
        with self.lock:
            return sum(number for (each, _), number in self.outcomes.items() if each == kind)

    def paths(self, kind):
        with self.lock:
            return {path for (each, path) in self.outcomes if each == kind}

    def _turn(self):
        """Whose turn it is, with what, and when."""
        with self.lock:
            self.next = max(self.next + 1 / self.rate, time.monotonic() - 1)
            path = self.dice.choices([path for path, _ in ASKED], [share for _, share in ASKED])[0]
            return self.dice.randrange(len(self.cookies)), path, self.next

    def _ask_on(self):
        connection = None
        while not self.done.is_set():
            user, path, when = self._turn()
            if self.done.wait(max(0, when - time.monotonic())):
                break
            connection = connection or http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT)
            kind, detail, kept = self._ask(connection, user, path)
            with self.lock:
                self.outcomes[kind, path] += 1
                if detail:
                    self.details[detail] += 1
            if not kept:
                connection.close()
                connection = None
        if connection:
            connection.close()

    def _ask(self, connection, user, path):
        """What came of one request: kind, detail, and whether the connection goes on."""
        headers = {"Host": self.host, **({"Cookie": self.cookies[user]} if self.cookies[user] else {})}
        try:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException) as error:
            return "lost", f"{type(error).__name__}: {error}", False
        for name, value in answer.getheaders():
            if name.lower() == "set-cookie" and value.startswith("marea_key="):
                self.cookies[user] = value.split(";")[0]
        kept = not answer.will_close
        if answer.status < 500:
            return "ok", "", kept
        own = answer.status == 500 and body.startswith(b"{")
        return ("app" if own else "lost"), f"{answer.status} {body[:120]!r}", kept
