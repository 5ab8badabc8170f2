"""How many attacks get through a checkout: `python tests/hostile/control.py CHECKOUT [NAME...]`.

The same lists as in the tests, through the kdrun of another checkout, such as one of an older
commit: what gets through there shows that the tests can fail.
"""

from __future__ import annotations

import importlib
import sys
import tempfile
from pathlib import Path

LISTS = ("targets", "bounds")
"""Modules beside this one with `ATTACKS`."""


def main(checkout: str, names: list[str]) -> None:
    """Print each attack that is not held off, and how many there are of each kind."""
    here = Path(__file__).resolve().parents[2]
    sys.path[:0] = [str(Path(checkout).resolve()), str(here)]
    from tests.hostile.doors import cases, through

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
            with tempfile.TemporaryDirectory() as folder:
                outcome = through(attack, door, Path(folder, "place"))
            if outcome.got_through:
                passed.add(attack.name)
            elif outcome.wrong:
                unruly.add(attack.name)
            if outcome.wrong or names:
                print(f"{attack.name} | {door}: {'; '.join(outcome.wrong) or outcome.err}")
    print(
        f"{len(total)} attacks: {len(passed)} got through (code ran, or something was written "
        f"elsewhere), {len(unruly - passed)} more ended otherwise than in one line and status 2"
    )


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
