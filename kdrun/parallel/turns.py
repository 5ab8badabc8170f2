"""Several pieces of work in one process that go on by turns, one at a time, step by step.

Each has a thread of its own, so that it is written as if it were alone; which one is at work is
decided where they give way, and nowhere else. What is drawn at random is each one's own: where one
gives way, the state of the generators is put aside, and back when its turn comes.
"""

from __future__ import annotations

import ctypes
import queue
import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol

import torch

PAUSE = 0.5
"""Seconds after which it is seen at the latest that Ctrl-C was typed."""

BEFORE = (-1, 0)
"""Where each piece of work is until it tells more."""


class Turn(Protocol):
    """Whose turn it is, as one of several sees it."""

    away: float
    """Seconds for which others were at work."""

    def over(self, epoch: int, batches: int) -> None:
        """Let those go on who are less far.

        Args:
            epoch: in which one is, from 0.
            batches: how many of it are over.
        """
        ...


class Alone:
    """The turn of somebody who works alone: it is never over."""

    away = 0.0

    def over(self, epoch: int, batches: int) -> None:
        """Go on."""


class Turns:
    """Does several pieces of work by turns: the one that is least far goes on.

    So pieces that begin together stay together, and one that goes on from further ahead is waited
    for by nobody, until the others have come there.
    """

    def __init__(self) -> None:
        self.stopped = False
        self.lock = threading.Lock()
        self.left: list[_Own] = []
        self.ended: queue.SimpleQueue[_Own] = queue.SimpleQueue()

    def run(self, works: Sequence[Callable[[Turn], None]]) -> None:
        """Do all of it; returns when everybody has ended.

        Args:
            works: each is called in a thread of its own, and must see to its own errors. After
                `stop`, or Ctrl-C, `KeyboardInterrupt` is raised in each.

        Raises:
            KeyboardInterrupt: it came while they were at work; they have ended.
        """
        threads = torch.get_num_threads()
        everybody = [_Own(self, work, threads) for work in works]
        self.left = [*everybody]
        for each in everybody:
            each.thread.start()
        begun = interrupted = False
        ended = 0
        while ended < len(everybody):
            try:  # `join` of a thread takes it for ended when it is interrupted
                if not begun:  # in here, for the first of them may be interrupted at once
                    self.go_on()
                    begun = True
                self.ended.get(timeout=PAUSE)
                ended += 1
            except queue.Empty:  # nobody has ended yet: only now could Ctrl-C be seen
                continue
            except KeyboardInterrupt:
                if interrupted:  # a second time: whoever hangs is left behind
                    raise
                interrupted = True
                self.stop()
        if interrupted:
            raise KeyboardInterrupt

    def stop(self) -> None:
        """Interrupt all who have not ended, the one that is at work included."""
        with self.lock:
            self.stopped = True
            for each in self.left:
                if each.works and each.thread is not threading.current_thread():
                    _raise(each.thread, KeyboardInterrupt)

    def go_on(self) -> None:
        """Give the turn to the one that is least far."""
        if self.left:
            min(self.left, key=lambda one: one.at).go.release()


class _Own:
    """One piece of work and its turn."""

    def __init__(self, turns: Turns, work: Callable[[Turn], None], threads: int) -> None:
        self.turns, self.work, self.threads = turns, work, threads
        self.at, self.away, self.works = BEFORE, 0.0, False
        self.go = threading.Semaphore(0)
        self.thread = threading.Thread(target=self._run, daemon=True)

    def over(self, epoch: int, batches: int) -> None:
        """As `Turn.over`."""
        self.at = (epoch, batches)
        if min(one.at for one in self.turns.left) < self.at:
            mine, since = _drawn(), time.perf_counter()
            self.works = False
            self.turns.go_on()
            self.go.acquire()
            self.works = True
            self.away += time.perf_counter() - since
            _put_back(mine)
        with self.turns.lock:
            if self.turns.stopped:
                self.works = False  # once is enough: a second one would hit who cleans up
                _raise(self.thread, None)
                raise KeyboardInterrupt

    def _run(self) -> None:
        self.go.acquire()
        try:
            self.works = True
            if not self.turns.stopped:
                torch.set_num_threads(self.threads)  # which each thread has for itself
                self.work(self)
            with self.turns.lock:  # nobody interrupts what comes
                self.works = False
        except KeyboardInterrupt:  # of `stop`, which knows: `run` raises it where it was typed
            self.works = False
        finally:
            self.turns.left.remove(self)
            self.turns.go_on()
            self.turns.ended.put(self)


Drawn = tuple[torch.Tensor, list[torch.Tensor]]
"""The states of torch's generators: of the CPU, and of the GPUs where these are in use."""


def _drawn() -> Drawn:
    on_gpus = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []
    return torch.get_rng_state(), on_gpus


def _put_back(drawn: Drawn) -> None:
    torch.set_rng_state(drawn[0])
    if drawn[1]:
        torch.cuda.set_rng_state_all(drawn[1])


def _raise(thread: threading.Thread, error: type[BaseException] | None) -> None:
    """Raise an error in a thread, at its next line of Python; None: what is to be raised is not."""
    assert thread.ident is not None
    what = ctypes.py_object(error) if error is not None else None
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), what)
