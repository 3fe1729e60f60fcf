"""What a bench prints: one JSON line per figure on stdout; everything for a human goes to stderr."""

import json
import math
import os
import statistics
import sys


def say(text):
    print(text, file=sys.stderr, flush=True)


def asked(part):
    """Whether this part is to be measured: all are, unless some were named on the command line."""
    return len(sys.argv) < 2 or part in sys.argv[1:]


def percentile(samples, percent):
    """The smallest sample that so many percent do not exceed."""
    ordered = sorted(samples)
    return ordered[max(0, math.ceil(percent / 100 * len(ordered)) - 1)]


def rounded(value):
    """Four digits: more is noise."""
    return float(f"{value:.4g}")


def _spread(samples):
    return [rounded(min(samples)), rounded(max(samples))]


def emit(figure, unit, samples, required, peers=None, ratio_to=(), **more):
    """Prints the median of `samples`, one per round. `peers` are theirs, {name: samples of the same rounds}; the ratio is
    to the best of those named in `ratio_to` (less is better). `required` are upper limits, {"value" | "ratio" | a name
    in `more`: limit}."""
    peers = peers or {}
    line = {"id": figure, "value": rounded(statistics.median(samples)), "unit": unit}
    line["peers"] = {name: rounded(statistics.median(theirs)) for name, theirs in peers.items()}
    if ratio_to:
        best = min(ratio_to, key=lambda name: statistics.median(peers[name]))
        line["ratio"] = rounded(statistics.median(samples) / statistics.median(peers[best]))
        line["ratio_to"] = best
        line["ratio_spread"] = _spread([mine / theirs for mine, theirs in zip(samples, peers[best])])
    line.update({name: rounded(value) if isinstance(value, float) else value for name, value in more.items()})
    line["runs"] = len(samples)
    line["spread"] = _spread(samples)
    if peers:
        line["peer_spread"] = {name: _spread(theirs) for name, theirs in peers.items()}
    line["required"] = required
    line["met"] = all(line[name] <= limit for name, limit in required.items())
    line["machine"] = {"cpus": os.cpu_count(), "load": rounded(os.getloadavg()[0])}
    print(json.dumps(line, ensure_ascii=False), flush=True)
