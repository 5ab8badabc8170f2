"""How many attacks get through a checkout: `python tests/hostile/control.py CHECKOUT [NAME...]`.

The same lists as in the tests, through the kdrun of another checkout, such as one of an older
commit: what gets through there shows that the tests can fail.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

LISTS = ("targets", "configs", "bounds", "folders")
"""Modules beside this one with `ATTACKS`."""

FORMER = {
    "kdrun.files.checkpoint": "kdrun.checkpoint",
    "kdrun.run.execute": "kdrun.experiment",
    "kdrun.predict.command": "kdrun.predict",
}
"""Where an older checkout has what the attacks and doors name."""

SECONDS = 10.0
"""After twice as much an attack is ended: an older checkout may never come to an end."""


def main(checkout: str, names: list[str]) -> None:
    """Print each attack that is not held off, and how many there are of each kind."""
    here = Path(__file__).resolve().parents[2]
    sys.path[:0] = [str(Path(checkout).resolve()), str(here)]
    from tests.hostile.doors import cases, through

    for name, former in FORMER.items():
        if importlib.util.find_spec(former) is not None:
            sys.modules[name] = importlib.import_module(former)
    total: set[str] = set()
    passed: set[str] = set()
    unruly: set[str] = set()
    for module in LISTS:
        if not Path(__file__).with_name(f"{module}.py").exists():
            continue
        attacks = importlib.import_module(f"tests.hostile.{module}").ATTACKS
        for attack, door in cases(attacks):
            if names and not any(name in attack.name for name in names):
                continue
            total.add(attack.name)
            attack = replace(attack, seconds=min(attack.seconds, SECONDS))
            with tempfile.TemporaryDirectory() as folder:
                outcome = through(attack, door, Path(folder, "place"))
            if outcome.got_through:
                passed.add(attack.name)
            elif outcome.wrong:
                unruly.add(attack.name)
            if outcome.wrong or names:
                told = "; ".join(outcome.wrong) or outcome.err
                print(f"{attack.name} | {door}: {told}", flush=True)
        print(f"up to {module}: {_sum(total, passed, unruly)}", flush=True)
    print(_sum(total, passed, unruly))


def _sum(total: set[str], passed: set[str], unruly: set[str]) -> str:
    return (
        f"{len(total)} attacks: {len(passed)} got through (code ran, something was written "
        f"elsewhere, or a secret came out), {len(unruly - passed)} more ended otherwise than in "
        "one line and status 2"
    )


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
