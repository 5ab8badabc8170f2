"""One batch over several processes, to the same weights as in one.

Every process holds the student, runs the networks on its share of each batch, and gathers what they
say of the others' shares. So the losses see the whole batch everywhere: those that compare samples
with each other, remember them or draw at random are what they are in one process. Batch norm takes
its statistics over all shares, and gradients are averaged before each step.

This is not `DistributedDataParallel`, which averages losses of shares: they would count a smaller
share, or one with fewer labels, as much as the others, and losses over pairs would lose most pairs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn

from kdrun.method import Method
from kdrun.model.features import Student
from kdrun.objective import Objective, take_batch
from kdrun.parallel.summed import summed, total
from kdrun.train import Row, Training, mixed_seed
from kdrun.types import Batch, Outputs

Calls = tuple[Callable[[Student], Row], Callable[[Training], None]]

plain_batch_norm = F.batch_norm


def join(training: Training, device: torch.device, calls: Calls) -> Calls:
    """Make this process one of those of the process group, which train together.

    Args:
        training: begun alike in every process; the first one's state becomes that of all.
        device: where this process works.
        calls: what the loop calls to validate and after each epoch.

    Returns:
        Calls for this process: only the first one validates and saves, and tells the others.
    """
    parallel = Parallel(training, device)
    validate, after_epoch = calls

    def validated(student: Student) -> Row:
        parallel.agree(student)
        row = [validate(student) if parallel.rank == 0 else {}]
        dist.broadcast_object_list(row)
        return row[0]

    return validated, after_epoch if parallel.rank == 0 else lambda training: None


class Parallel:
    """What the process group's processes do together; each has one for the same training.

    Args:
        training: begun alike in every process; the first one's state becomes that of all.
        device: where this process works.
    """

    def __init__(self, training: Training, device: torch.device) -> None:
        self.rank, self.size, self.device = dist.get_rank(), dist.get_world_size(), device
        state = [training.state() if self.rank == 0 else None]
        dist.broadcast_object_list(state)
        training.load(cast("dict[str, Any]", state[0]))
        training.together = self.average
        self.at_work = False
        self.summed = summed(training.method)
        self.halves: tuple[Batch, Batch] | None = None
        self.shares: list[int] = []
        self._epoch_seed: int | None = None
        self._stream = self._random_state()
        training.method.register_forward_pre_hook(self._begin)
        training.method.register_forward_hook(self._end)
        for network in networks(training.method):
            network.register_forward_pre_hook(self._take)
            network.register_forward_hook(self._give)

    def average(self, parameters: Sequence[nn.Parameter]) -> None:
        """Make each gradient the mean of those of all processes."""
        gradients = [p.grad for p in parameters if p.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        dist.all_reduce(flat)
        flat /= self.size
        parts = flat.split([gradient.numel() for gradient in gradients])
        for gradient, part in zip(gradients, parts, strict=True):
            gradient.copy_(part.view_as(gradient))

    def agree(self, student: nn.Module) -> None:
        """Refuse to go on with weights that have drifted apart.

        Raises:
            RuntimeError: they are not the same bits in all processes.
        """
        own = sum(parameter.detach().double().sum() for parameter in student.parameters())
        sums: list[float] = [0.0] * self.size
        dist.all_gather_object(sums, float(own))
        if len({repr(value) for value in sums}) > 1:
            raise RuntimeError(f"the weights of the processes differ, their sums are {sums}")

    def _begin(self, method: nn.Module, args: tuple[Batch]) -> tuple[Batch] | None:
        """Before a method: the share of this process, where nobody needs the others'."""
        self.at_work = not self.summed
        if not self.summed:
            return None
        own = self._share(args[0])
        self.halves = own if self.own else own._replace(target=own.target * 0 - 1), args[0]
        return (own,)

    def _end(
        self, method: nn.Module, args: tuple[Batch], losses: dict[str, Tensor]
    ) -> dict[str, Tensor] | None:
        """After a method: its losses of the whole batch."""
        self.at_work = False
        if not self.summed:
            return None
        self._back()
        assert self.halves is not None
        return total(losses, *self.halves, cast(Method, method))

    def _take(self, network: nn.Module, args: tuple[Batch]) -> tuple[Batch] | None:
        """Before a network: the share of this process."""
        return (self._share(args[0]),) if self.at_work else None

    def _share(self, batch: Batch) -> Batch:
        """What this process runs of a batch, from now on with its own random numbers."""
        self.shares = shares(len(batch.index), self.size)
        begin = sum(self.shares[: self.rank])
        # Where there are fewer samples than processes, the last ones run one that does not count.
        mine = slice(begin, begin + self.own) if self.own else slice(0, 1)
        if torch.initial_seed() != self._epoch_seed:
            self._epoch_seed = torch.initial_seed()
            seed = mixed_seed(self._epoch_seed, self.rank)
            self._stream = torch.Generator(self.device).manual_seed(seed).get_state()
        self._swap_random_state()
        F.batch_norm = self._batch_norm
        return take_batch(batch, mine)

    def _back(self) -> None:
        """What is computed from now on is the same in all processes."""
        F.batch_norm = plain_batch_norm
        self._swap_random_state()

    def _give(self, network: nn.Module, args: tuple[Batch], outputs: Outputs) -> Outputs | None:
        """After a network: its outputs for the whole batch."""
        if not self.at_work:
            return None
        self._back()
        return outputs.map(lambda field: _Gather.apply(field, self.shares, self.rank))

    @property
    def own(self) -> int:
        """How many samples of the batch are this process's."""
        return self.shares[self.rank]

    def _random_state(self) -> Tensor:
        if self.device.type == "cuda":
            return torch.cuda.get_rng_state(self.device)
        return torch.get_rng_state()

    def _swap_random_state(self) -> None:
        """Dropout differs between processes; what a loss draws must not."""
        other = self._random_state()
        if self.device.type == "cuda":
            torch.cuda.set_rng_state(self._stream, self.device)
        else:
            torch.set_rng_state(self._stream)
        self._stream = other

    def _batch_norm(
        self,
        input: Tensor,
        running_mean: Tensor | None,
        running_var: Tensor | None,
        weight: Tensor | None = None,
        bias: Tensor | None = None,
        training: bool = False,
        momentum: float = 0.1,
        eps: float = 1e-5,
    ) -> Tensor:
        """`F.batch_norm` over the shares of all processes."""
        if not training:
            return plain_batch_norm(
                input, running_mean, running_var, weight, bias, False, momentum, eps
            )
        each = input.numel() // input.shape[1] // max(self.own, 1)
        counts = [share * each for share in self.shares]
        normal: Tensor
        normal, mean, var = _BatchNorm.apply(input, eps, counts, self.rank)
        if running_mean is not None and running_var is not None:
            total = sum(counts)
            running_mean.lerp_(mean.to(running_mean), momentum)
            running_var.lerp_((var * (total / max(total - 1, 1))).to(running_var), momentum)
        shape = (1, -1, *[1] * (input.ndim - 2))
        if weight is not None:
            normal = normal * weight.view(shape)
        if bias is not None:
            normal = normal + bias.view(shape)
        return normal.to(input.dtype)


def networks(method: Method) -> Iterator[nn.Module]:
    """The outermost modules of a method that turn a batch into outputs: all but its terms."""
    waiting = list(method.children())
    while waiting:
        module = waiting.pop(0)
        if isinstance(module, nn.ModuleDict | nn.ModuleList):
            waiting += module.children()
        elif not isinstance(module, Objective):
            yield module


def shares(samples: int, processes: int) -> list[int]:
    """How many samples of a batch each process takes; they differ by one at most."""
    whole, rest = divmod(samples, processes)
    return [whole + (rank < rest) for rank in range(processes)]


class _Gather(torch.autograd.Function):
    """The rows of all processes. Every process must go on to the same loss of them."""

    @staticmethod
    def forward(ctx: Any, own: Tensor, sizes: list[int], rank: int) -> Tensor:
        ctx.sizes, ctx.rank = sizes, rank
        padded = own.new_zeros(max(sizes), *own.shape[1:])
        padded[: sizes[rank]] = own[: sizes[rank]]
        parts = [torch.empty_like(padded) for _ in sizes]
        dist.all_gather(parts, padded)
        return torch.cat([part[:size] for part, size in zip(parts, sizes, strict=True)])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        # The loss has this gradient once, the mean over processes will divide it by their number.
        gradient = gradients[0].split(ctx.sizes)[ctx.rank] * len(ctx.sizes)
        return (gradient if len(gradient) else gradients[0][:1] * 0), None, None


class _BatchNorm(torch.autograd.Function):
    """(x − mean) / √(var + ε) per channel over the rows of all processes; also mean and var.

    As in torch.nn.SyncBatchNorm, which is for GPUs only: one exchange of statistics forward and one
    of the gradient's sums backward.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, eps: float, counts: list[int], rank: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        dims, shape = [0, *range(2, x.ndim)], (1, -1, *[1] * (x.ndim - 2))
        values = x.float()
        var, mean = torch.var_mean(values, dims, correction=0)
        parts = [values.new_empty(2, len(mean)) for _ in counts]
        dist.all_gather(parts, torch.stack([mean, var]))
        means, variances = torch.stack(parts).unbind(1)
        share = (values.new_tensor(counts) / sum(counts))[:, None]
        mean = (share * means).sum(0)
        var = (share * (variances + (means - mean).square())).sum(0)
        scale = (var + eps).rsqrt()
        normal = (values - mean.view(shape)) * scale.view(shape)
        ctx.save_for_backward(normal, scale)
        ctx.total, ctx.counts = sum(counts), counts[rank] > 0
        ctx.dims, ctx.shape, ctx.dtype = dims, shape, x.dtype
        ctx.mark_non_differentiable(mean, var)
        return normal, mean, var

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        normal, scale = ctx.saved_tensors
        gradient = gradients[0]
        sums = torch.stack([gradient.sum(ctx.dims), (gradient * normal).sum(ctx.dims)])
        dist.all_reduce(sums)
        if ctx.counts:
            both = (sums / ctx.total).view(2, *ctx.shape)
            gradient = gradient - both[0] - normal * both[1]
        return (gradient * scale.view(ctx.shape)).to(ctx.dtype), None, None, None
