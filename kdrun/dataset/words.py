"""Texts as rows of TF-IDF."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from kdrun.dataset.arrays import Array, pack, unpack

if TYPE_CHECKING:
    import pandas as pd


class Words:
    """Turns texts into rows of TF-IDF, as it learnt from the training texts.

    Args:
        max_features: how many of the most frequent words and phrases are used.
        ngrams: words in the longest phrase.
        svd: how many singular directions are kept; None for the words themselves.
    """

    def __init__(self, max_features: int, ngrams: int, svd: int | None) -> None:
        from sklearn.feature_extraction.text import TfidfVectorizer

        for name, value in (("max_features", max_features), ("ngrams", ngrams), ("svd", svd)):
            if value is not None and value < 1:
                raise ValueError(f"dataset.{name}={value}: give 1 or more.")
        self._svd = svd
        self._reduction: Any = None
        self._counter = TfidfVectorizer(
            max_features=max_features,
            ngram_range=(1, ngrams),
            sublinear_tf=True,  # ten times the same word is not ten times the evidence
            dtype=np.float32,
        )

    def fit(self, texts: pd.Series[Any]) -> Words:
        """Learn from training texts."""
        from sklearn.decomposition import TruncatedSVD

        try:
            known = self._counter.fit_transform(texts)
        except ValueError as fault:
            raise ValueError(f"the training texts hold no words: {fault}.") from fault
        if self._svd is not None:
            most = min(known.shape) - 1
            if self._svd > most:
                raise ValueError(
                    f"dataset.svd={self._svd} is more than the rank of the training texts allows: "
                    f"give at most {most}."
                )
            self._reduction = TruncatedSVD(self._svd, random_state=0).fit(known)
        return self

    @property
    def learnt(self) -> dict[str, Any]:
        """All of it as plain values, for `restore`."""
        reduction = None if self._reduction is None else pack(self._reduction.components_)
        return {
            "vocabulary": self._counter.get_feature_names_out().tolist(),
            "ngrams": self._counter.ngram_range[1],
            "idf": pack(self._counter.idf_),
            "reduction": reduction,
        }

    @classmethod
    def restore(cls, learnt: Mapping[str, Any]) -> Words:
        """What learnt this."""
        from sklearn.decomposition import TruncatedSVD

        words = cls(len(learnt["vocabulary"]), learnt["ngrams"], None)
        words._counter.set_params(vocabulary=learnt["vocabulary"])
        words._counter.idf_ = unpack(learnt["idf"])
        if learnt["reduction"] is not None:
            components = unpack(learnt["reduction"])
            words._reduction = TruncatedSVD(len(components))
            words._reduction.components_ = components
        return words

    def __call__(self, texts: pd.Series[Any] | list[str]) -> Array:
        """(N, D) float32 rows of some texts."""
        counted = self._counter.transform(texts)
        if self._reduction is not None:
            reduced: Array = self._reduction.transform(counted).astype(np.float32)
            return reduced
        dense: Array = counted.toarray()
        return dense
