"""How much of some data is trained on, validated on and tested on: one value for every dataset."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from kdrun.dataset.fold import Fold, divide, redivide
from kdrun.dataset.split import cut
from kdrun.dataset.spread import Function, spread
from kdrun.types import Split


@dataclass(frozen=True)
class Cuts:
    """Where data are cut: a function of these and of the data alone.

    Where there are domains, each is cut by itself.

    Attributes:
        val_fraction: how much of the training data is for model selection; 0 for none.
        split_seed: what every choice is a function of.
        train_size: how many training samples are used, after the validation cut; None for all.
        test_fraction: how much of all is for testing; not read where that is told otherwise, by a
            fold or by a test split that comes with the data.
        fold: what is tested on in cross-validation, of the training samples where a test split
            comes with the data; None for the test split.
    """

    val_fraction: float = 0.1
    split_seed: int = 0
    train_size: int | None = None
    test_fraction: float = 0.2
    fold: Fold | None = None

    @property
    def unfolded(self) -> Cuts:
        """The same for data that are not tested on, such as a source."""
        return replace(self, fold=None)

    @property
    def unvalidated(self) -> Cuts:
        """The same without a validation split."""
        return replace(self, val_fraction=0)

    def divide(self, whole: Split, test: Split | None = None) -> tuple[Split, Split]:
        """Training and test samples.

        Args:
            whole: every sample; or every one for training, where a test split comes with them.
            test: that one.

        Raises:
            ValueError: the fraction, or the number of folds, does not fit the data.
        """
        if test is not None:
            return redivide(whole, test, self.split_seed, self.fold)
        return divide(whole, self.test_fraction, self.split_seed, self.fold)

    def validated(self, train: Split, val: Split | None = None) -> tuple[Split, Split | None]:
        """What is left for training, and the validation split.

        Args:
            train: every training sample.
            val: a validation split that comes with the data, whatever the fraction says.

        Raises:
            ValueError: the fraction or the size does not fit the data.
        """
        fraction = 0 if val else self.val_fraction
        rest, held = cut(train, fraction, self.split_seed, self.train_size)
        return rest, val or held

    def split(
        self, whole: Split, test: Split | None = None, val: Split | None = None
    ) -> tuple[Split, Split | None, Split]:
        """Training, validation and test samples; arguments as above."""
        train, test = self.divide(whole, test)
        return *self.validated(train, val), test


def with_cuts(test_fraction: float | None = None) -> Callable[[Function], Function]:
    """Let the fields of `Cuts` be arguments of a dataset that takes `cuts` by name.

    Args:
        test_fraction: its default; None where a test split comes with the data, and nobody can ask
            for another.
    """
    if test_fraction is None:
        return spread(omit=("test_fraction",), cuts=Cuts())
    return spread(cuts=Cuts(test_fraction=test_fraction))
