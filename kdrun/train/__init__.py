"""Training: the loop, the step it calls, the guard over both, and all that changes meanwhile."""

from kdrun.train.guard import NonFiniteLossError
from kdrun.train.loop import mixed_seed, train
from kdrun.train.state import Row, Training, average

__all__ = ["NonFiniteLossError", "Row", "Training", "average", "mixed_seed", "train"]
