"""`python -m kdrun.job PARENT WORDS...`: a run that ends with who asked for it."""

from __future__ import annotations

import sys

from kdrun import cli
from kdrun.parallel.process import end_with


def main() -> None:
    """Execute `kdrun WORDS...`; exits as that does."""
    end_with(int(sys.argv.pop(1)))
    cli.main(job=True)


if __name__ == "__main__":
    main()
