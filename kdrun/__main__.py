"""`python -m kdrun` is `kdrun`."""

from kdrun.cli import main

main()
