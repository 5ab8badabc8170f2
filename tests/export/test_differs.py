"""What is raised where a file and its student disagree."""

from __future__ import annotations

import subprocess
import sys

from kdrun.export.differs import DiffersError


def test_it_is_no_mistake_of_the_users() -> None:
    assert issubclass(DiffersError, RuntimeError)
    assert not issubclass(DiffersError, ValueError | OSError)  # which end with status 2


def test_a_command_knows_the_word_without_torch() -> None:
    script = "import sys, kdrun.export; print('torch' in sys.modules)"
    told = subprocess.check_output([sys.executable, "-c", script], text=True)
    assert told.strip() == "False"
