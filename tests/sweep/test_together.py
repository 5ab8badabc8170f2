"""Which jobs go side by side, what is said of it, and whose log is whose."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

from kdrun.sweep.together import Logs, grouped, told
from tests.sweep.test_shared import job

ALIKE = {"name": "d", "view_seed": 5}


def test_jobs_that_learn_from_the_same_go_together():
    first, other = job(dataset=ALIKE), job(dataset=ALIKE, seed=1, loss="dkd")
    smaller = job(dataset=ALIKE, student={"name": "small"})
    alone = job(dataset={"name": "d", "view_seed": 6})
    assert grouped([first, alone, other, smaller]) == [[first, other, smaller], [alone]]
    assert grouped([job(seed=0), job(seed=1)]) != grouped([job(seed=0), job(seed=0)])
    assert len(grouped([job(seed=0), job(seed=0)])) == 1


def test_batches_of_another_size_or_over_several_devices_are_others():
    def sized(**settings: int):
        found = job(dataset=ALIKE)
        found.config.train.update(settings)
        return found

    assert len(grouped([sized(), sized(batch_size=2)])) == 2
    assert len(grouped([sized(devices=2), sized(devices=2)])) == 2
    assert len(grouped([sized(accumulate=2), sized()])) == 2


def test_it_is_told_who_goes_alone():
    first, other, alone = job(), job(), job(seed=3)
    assert [*told([[first, other]], 8)] == [
        "2 jobs learn from the same batches as others: side by side, 2 at once"
    ]
    both = [*told([[first, other, other], [alone]], 2)]
    assert "3 jobs" in both[0]
    assert "2 at once" in both[0]
    assert both[1].startswith("1 job shares no batches, and runs by itself")
    assert [*told([[alone]], 8)] == []


def test_what_a_thread_says_goes_to_its_log_alone(tmp_path: Path, caplog):
    log = logging.getLogger("kdrun.x")

    def say(name: str, logs: Logs) -> None:
        with logs.to(tmp_path / name):
            log.warning("of %s", name)

    root, heard = logging.getLogger(), []
    handler = logging.Handler()
    handler.emit = heard.append  # type: ignore[method-assign]
    root.addHandler(handler)
    try:
        with Logs() as logs:
            threads = [threading.Thread(target=say, args=(name, logs)) for name in "ab"]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            log.warning("of all")
        log.warning("later")
    finally:
        root.removeHandler(handler)
    assert [record.getMessage() for record in heard] == ["of all", "later"]
    assert (tmp_path / "a").read_text() == "of a\n"
    assert (tmp_path / "b").read_text() == "of b\n"
