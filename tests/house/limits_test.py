"""docs/limits.md tells every limit that may be set with the default and the bounds that src/model/platform_limits.cc has,
and every machine value that `marea doctor` compares."""

import re

import repository

ROW = re.compile(r'\{Limit::(\w+), "([\w-]+)", (\w+), ([^,]+), ([^,]+), ([^}]+)\},')


def _number(text):
    return eval(text.replace("'", "").replace("kMi", "(1 << 20)").replace("kGi", "(1 << 30)"))  # a product in C++


def _printed(unit, number):
    if unit == "bytes":
        for name, size in (("Ti", 1 << 40), ("Gi", 1 << 30), ("Mi", 1 << 20), ("Ki", 1 << 10)):
            if number % size == 0:
                return f"{number // size}{name}"
    return f"{number}{ {'seconds': 's', 'percent': '%'}.get(unit, '') }"


def test_every_limit_is_told_with_its_default_and_bounds():
    rows = ROW.findall(repository.tree()["src/model/platform_limits.cc"])
    wanted = {name: (_printed(unit, _number(value)), f"{_printed(unit, _number(least))} to {_printed(unit, _number(most))}")
              for _, name, unit, value, least, most in rows if _number(most)}
    assert len(wanted) >= 14
    told = re.findall(r"^\| `([\w-]+)` \| (\S+) \| ([^|]+) \|", repository.tree()["docs/limits.md"], re.MULTILINE)
    assert {name: (default, bounds) for name, default, bounds in told} == wanted


def test_every_machine_value_that_doctor_compares_is_told():
    needs = re.findall(r'\{"[\w-]+", "([\w/-]+)",', repository.tree()["src/engine/local/kernel_limits.cc"])
    page = repository.tree()["docs/limits.md"]
    assert len(needs) >= 10
    missing = [need for need in needs if need.split("/")[-1] not in page and not need.startswith("user/max_")]
    assert not missing
