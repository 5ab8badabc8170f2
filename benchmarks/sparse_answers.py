"""How far a few of a teacher's logits lead astray: bias and spread of kd's loss and gradient.

Teachers are made: probabilities that fall with a power of the rank between 0.8 and 1.6, times e to
a normal number, one distribution a token; a student's logits are the teacher's, shrunk, and normal
numbers. Compared with the whole distribution at temperature 1 is what `kdrun.teacher.sparse` keeps,
plain top-K (the rest is left out, and K are made to sum to one), and the draws of Anshumann et al.,
2025, with repetition. The bias of a gradient is the length of its mean error, from which that of a
mean of so many draws is taken; 0 where nothing is left.

    python benchmarks/sparse_answers.py
    python benchmarks/sparse_answers.py --vocabulary 150000 --bytes 500
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import torch
from tabulate import tabulate
from torch import Tensor

from kdrun.teacher.sparse import SHORT, drawn, likeliest, spread

Form = Callable[[Tensor], Tensor]
"""From (C,) logits to (R, C) distributions, as often as it draws."""


def main() -> None:
    """Print a row for each form."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vocabulary", type=int, default=50_000)
    parser.add_argument("--bytes", type=int, default=300, help="of a token, at most")
    parser.add_argument("--tokens", type=int, default=60, help="that are compared")
    parser.add_argument("--draws", type=int, default=50, help="of each")
    given = parser.parse_args()
    torch.manual_seed(0)
    pairs = [_pair(given.vocabulary) for _ in range(given.tokens)]
    rows = []
    for name, (size, form) in _forms(given).items():
        found = torch.tensor([_errors(form(teacher), teacher, s) for teacher, s in pairs])
        bias, loss, squared, spread_of = found.mean(0).tolist()
        error = float(found[:, 0].std()) / len(found) ** 0.5
        numbers = f"{loss:.4f}", f"{max(squared, 0) ** 0.5:.4f}", f"{spread_of**0.5:.4f}"
        rows.append([name, size, f"{bias:+.4f} ± {error:.4f}", *numbers])
    heads = "loss: bias", "deviation", "gradient: bias", "deviation"
    print(tabulate(rows, ["kept", "bytes", *heads], tablefmt="github", disable_numparse=True))


def _pair(vocabulary: int) -> tuple[Tensor, Tensor]:
    """Logits of a teacher and of a student for a token."""
    power = 0.8 + 0.8 * torch.rand(())
    falling = -power * torch.arange(1, vocabulary + 1).log()
    teacher = (falling + torch.randn(vocabulary))[torch.randperm(vocabulary)]
    return teacher, 0.8 * teacher + 0.5 * torch.randn(vocabulary)


def _forms(given: argparse.Namespace) -> dict[str, tuple[int, Form]]:
    """What is kept by its name, and how many bytes it takes."""
    place = 2 if given.vocabulary <= SHORT else 4
    count, counted = given.bytes // (place + 2), (given.bytes - 4) // (place + 2)

    def plain(logits: Tensor) -> Tensor:
        best = likeliest(logits, count)
        del best["rest"]
        return spread(best, len(logits), torch.float64).softmax(-1)[None]

    def with_rest(logits: Tensor) -> Tensor:
        return spread(likeliest(logits, counted), len(logits), torch.float64).softmax(-1)[None]

    def once(logits: Tensor) -> Tensor:
        found = drawn(logits.expand(given.draws, -1), count, torch.rand(given.draws))
        return spread(found, len(logits), torch.float64).softmax(-1)

    def repeatedly(logits: Tensor) -> Tensor:
        size = given.bytes // place
        places = logits.softmax(0).multinomial(given.draws * size, True).view(given.draws, size)
        said = torch.zeros(given.draws, len(logits), dtype=torch.float64)
        return said.scatter_add(1, places, torch.full(places.shape, 1 / size).double())

    return {
        f"the {count} likeliest alone": (count * (place + 2), plain),
        f"`top{counted}`": (counted * (place + 2) + 4, with_rest),
        f"`sampled{count}`": (count * (place + 2), once),
        f"{given.bytes // place} draws with repetition": (given.bytes // place * place, repeatedly),
    }


def _errors(said: Tensor, teacher: Tensor, student: Tensor) -> list[float]:
    """Bias and deviation of the loss up to a constant, and of its gradient by the logits."""
    p, log_q = teacher.double().softmax(0), student.double().log_softmax(0)
    losses = -(said @ log_q)
    bias = losses.mean() + p @ log_q  # cross-entropies, whose gradient is kd's
    mean = said.mean(0)
    variance = float((said - mean).square().sum()) / max(len(said) - 1, 1)
    squared = float((mean - p).square().sum()) - variance / len(said)
    return [float(bias), float(losses.std(correction=0)), squared, variance]


if __name__ == "__main__":
    main()
