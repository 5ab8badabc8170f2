"""Peak memory of a step's losses over tokens of a large vocabulary, at once and in portions.

    python benchmarks/token_memory.py 50000 2048 jsd whole
    python benchmarks/token_memory.py 50000 2048 jsd portions

Prints the resident memory before the losses, with the logits of both there, the most until the
gradient of the student's logits is there, and the seconds in between. A process for each.
"""

from __future__ import annotations

import resource
import sys
import time

import torch

from kdrun.loss.jsd import JSD
from kdrun.loss.kd import KD
from kdrun.loss.reverse_kl import ReverseKL
from kdrun.loss.weight import Weight
from kdrun.objective import Objective
from kdrun.task import portions
from kdrun.task.generation import Generation
from kdrun.types import Batch, Outputs

LOSSES = {"kd": KD, "jsd": JSD, "reverse_kl": ReverseKL}


def peak() -> float:
    """MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


def main(vocabulary: int, tokens: int, name: str, how: str) -> None:
    """Measure one step."""
    if how == "whole":
        portions.LARGE = sys.maxsize
    task = Generation(vocabulary=vocabulary)
    objective = Objective({name: LOSSES[name]()}, {name: Weight(1.0)}, task)
    torch.manual_seed(0)
    student = torch.randn(8, tokens // 8, vocabulary, requires_grad=True)
    teacher = torch.randn(8, tokens // 8, vocabulary)
    target = torch.randint(0, vocabulary, (8, tokens // 8))
    before, begin = peak(), time.perf_counter()
    (value,) = objective(
        Outputs(student), Outputs(teacher), Batch({}, target, torch.arange(8))
    ).values()
    value.backward()
    seconds = time.perf_counter() - begin
    told = f"{before:.0f} MB before, {peak():.0f} MB at most, {seconds:.1f} s"
    print(f"{name} {how}: {told}, {value:.9f}")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4])
