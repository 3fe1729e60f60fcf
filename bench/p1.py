"""P1: CPU time per proxied request (HTTP/1.1, kept connections, 64 of them, 64 bytes), marea's router with everything on
against nginx and HAProxy that add the same headers (bench/peers), and against a bare byte pump, the floor.

Each proxy has one worker, alone on CPU 0; wrk and the backend share CPU 1. Only the proxy's own processes count. They
take turns for five rounds. marea's backend is its instance, in a sandbox; the others' is the same program on the host."""

import contextlib
import re
import statistics
import subprocess
from dataclasses import dataclass

import ground
import http_client
from figure import emit, say
from running_platform import free_port, manifest

ROUNDS = 5
SECONDS = 5
CONNECTIONS = 64
HOST = "cost.localhost"
ADDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-request-id")


def load(port, seconds):
    """How many requests wrk got answered; anything but a 2xx ends the bench."""
    done = subprocess.run(["taskset", "-c", "1", "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "10s",
                           "-H", f"Host: {HOST}", f"http://127.0.0.1:{port}/"], capture_output=True, text=True, check=True)
    if "Non-2xx" in done.stdout or "Socket errors" in done.stdout:
        raise RuntimeError(f"not every request was answered well:\n{done.stdout}")
    return int(re.search(r"(\d+) requests in", done.stdout)[1])


def check_features(name, port):
    """The backend saw what marea adds, and so does the caller: otherwise the proxies do not do the same work."""
    answer = http_client.request(port, HOST, "/headers")
    seen = answer.text.lower()
    missing = [header for header in ADDED if f"\n{header}:" not in seen]
    if answer.status != 200 or missing or "x-request-id" not in answer.headers:
        raise RuntimeError(f"{name} answered {answer.status}; missing {missing}; the backend saw:\n{seen}")


def configured(name, where, port, backend):
    """The peer's configuration from bench/peers, filled in."""
    text = (ground.PEERS / name).read_text()
    for mark, value in (("@PORT@", port), ("@BACKEND@", backend), ("@DIR@", where)):
        text = text.replace(mark, str(value))
    path = where / name.removesuffix(".in")
    path.write_text(text)
    return path


@dataclass
class Proxy:
    network: ground.Network
    port: int
    pids: list  # what counts

    def load(self, seconds):
        with self.network.inside():
            return load(self.port, seconds)


class Proxies:
    """All that are measured, by name. The peers share a network of their own: marea's packet rules are its own cost."""

    def __init__(self, stack, where):
        self.stack, self.where, self.all = stack, where, {}
        self.network = ground.Network()
        self.backend = free_port()

    def add(self, name, port, *command):
        with ground.only_on(0):
            running = self.stack.enter_context(ground.process(*command))
        ground.wait_for_port(port)
        self.all[name] = Proxy(self.network, port, [running.pid, *ground.below(running.pid)])

    def add_peers(self):
        with ground.only_on(1):
            self.stack.enter_context(ground.process(ground.BIN / "bench-backend", environment={"PORT": str(self.backend)}))
        ground.wait_for_port(self.backend)
        port = free_port()
        self.add("pump", port, ground.BIN / "bench-pump", port, self.backend)
        port = free_port()
        self.add("nginx", port, "nginx", "-p", self.where, "-c", configured("nginx.conf.in", self.where, port, self.backend))
        port = free_port()
        self.add("haproxy", port, "haproxy", "-db", "-f", configured("haproxy.cfg.in", self.where, port, self.backend))

    def add_marea(self):
        with ground.only_on(0):
            platform = self.stack.enter_context(ground.platform())
        image = ground.backend_image(self.where / "image")
        platform.apply(manifest("cost", image, min_scale=1, max_scale=1), True, "--wait")
        for pid in ground.below(platform.process.pid, "backend"):
            ground.move_to(1, pid)
        routers = ground.below(platform.process.pid, "router")
        if len(routers) != 1:
            raise RuntimeError(f"not one router but {routers}")
        self.all["marea"] = Proxy(platform.network, platform.http_port, routers)


def measure(proxies):
    """{name: CPU µs per request, one per round}"""
    cost = {name: [] for name in proxies}
    for name, proxy in proxies.items():
        if name != "pump":
            with proxy.network.inside():
                check_features(name, proxy.port)
        proxy.load(1)
    for turn in range(ROUNDS):
        for name, proxy in proxies.items():
            before = ground.cpu_seconds(proxy.pids)
            requests = proxy.load(SECONDS)
            spent = ground.cpu_seconds(proxy.pids) - before
            cost[name].append(spent / requests * 1e6)
            say(f"P1 round {turn + 1}: {name}: {cost[name][-1]:.2f} µs of CPU, {requests / SECONDS:.0f} requests/s")
    return cost


def main():
    ground.need("wrk", "nginx", "haproxy", "taskset", ground.BIN / "bench-backend", ground.BIN / "bench-pump")
    with contextlib.ExitStack() as stack:
        proxies = Proxies(stack, stack.enter_context(ground.folder()))
        with proxies.network.inside():
            proxies.add_peers()
        proxies.add_marea()
        cost = measure(proxies.all)
    marea = cost.pop("marea")
    floor, theirs = statistics.median(cost["pump"]), min(statistics.median(cost[name]) for name in ("nginx", "haproxy"))
    emit("P1", "µs", marea, {"ratio": 1.0}, cost, ("nginx", "haproxy"),
         excess_over_floor_to_theirs=(statistics.median(marea) - floor) / (theirs - floor))


if __name__ == "__main__":
    main()
