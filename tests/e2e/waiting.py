"""The one place where the tests wait: for a condition, with a deadline that only a broken platform reaches."""

import time

GENEROUS = 90.0  # seconds; the debug build under sanitizers on a busy machine


def until(condition, what, seconds=GENEROUS, pause=0.05):
    """Returns the first true value of `condition()`."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds:.0f} s: {what}")
        time.sleep(pause)
