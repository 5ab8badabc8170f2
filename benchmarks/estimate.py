"""What kdrun says of the time that a sweep takes, beside what it took, and what saying it costs.

Each sweep runs in an empty folder with an empty cache of the user's, three times: with
`estimate=false`; with nothing known of its runs, when the first of them tell; and with the paces
known that those left. Before, `dry_run=true` tries the first steps. For a quiet machine:

    python benchmarks/estimate.py
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tabulate import tabulate

SWEEPS = {
    "4 tiny jobs": "teacher=resnet8 student=linear,mlp seed=0,1 train.epochs=2",
    "12 jobs, 3 losses": "teacher=resnet20 student=resnet8 loss=kd,at,rkd seed=range(4) "
    "train.epochs=8 teacher.recipe.epochs=8",
    "6 jobs, 2 at once": "hydra/launcher=local hydra.launcher.n_jobs=2 teacher=resnet20 "
    "student=resnet8,mlp seed=range(3) train.epochs=8 teacher.recipe.epochs=8",
}


def sweep(words: str, home: Path, name: str, *more: str) -> tuple[float, str]:
    """Type a sweep with a cache of its own; its seconds, and what it says of them."""
    own = [f"name={name}", f"cache=cache_{name}", "train.progress=false"]
    command = [sys.executable, "-m", "kdrun", "-m", *words.split(), *own, *more]
    environment = {**os.environ, "XDG_CACHE_HOME": str(home / "home")}
    start = time.perf_counter()
    ran = subprocess.run(command, cwd=home, env=environment, capture_output=True, text=True)
    if ran.returncode:
        raise SystemExit(f"{' '.join(command)}\n{ran.stdout}{ran.stderr}")
    seconds = time.perf_counter() - start
    found = re.search(r"about ([\d\w ]+?) (one|left|\d+ at once)", ran.stdout + ran.stderr)
    return seconds, found[1] if found else "?"


def main() -> None:
    """Print the table of docs/sweeps.md."""
    rows = []
    for label, words in SWEEPS.items():
        with tempfile.TemporaryDirectory() as folder:
            home = Path(folder)
            plain, _ = sweep(words, home, "plain", "estimate=false")
            for path in (home / "home" / "kdrun" / "paces").iterdir():
                path.unlink()
            took, early = sweep(words, home, "new")
            again, known = sweep(words, home, "known")
            for path in (home / "home" / "kdrun" / "paces").iterdir():
                path.unlink()
            tried, plan = sweep(words, home, "tried", "dry_run=true")
        cost = f"{took / plain - 1:+.0%}"
        rows.append((label, f"{plain:.0f} s", f"{took:.0f} s", cost, early, f"{again:.0f} s"))
        rows[-1] += (known, f"{plan} in {tried:.0f} s")
        print(rows[-1], flush=True)
    heads = ("sweep", "without", "unknown", "cost", "said early", "known", "first line", "dry_run")
    print(tabulate(rows, heads, "github"))


if __name__ == "__main__":
    main()
