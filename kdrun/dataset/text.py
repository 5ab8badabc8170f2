"""Texts with a label, and a domain if there are several, as rows of TF-IDF or as tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

from kdrun.config.instantiate import nearest
from kdrun.dataset.cells import Format
from kdrun.dataset.columns import number_classes, row_marks
from kdrun.dataset.cuts import Cuts, with_cuts
from kdrun.dataset.domains import (
    Domain,
    Encoder,
    Labels,
    check_names,
    combine,
    number_groups,
    of_domain,
    own_classes,
    parts,
    rows,
    with_inputs,
)
from kdrun.dataset.text_file import read_texts
from kdrun.dataset.tokens import Tokens
from kdrun.dataset.votes import votes
from kdrun.dataset.words import Words
from kdrun.sample import ROWS
from kdrun.types import Arrays, Dataset, Split

if TYPE_CHECKING:
    import pandas as pd


@with_cuts(test_fraction=0.2)
def text(
    path: str,
    source: str | None = None,
    target: str | None = None,
    labels: Labels = "all",
    text_column: str = "text",
    label_column: str = "label",
    domain_column: str = "domain",
    group_column: str | None = None,
    vocabulary: Literal["source", "union"] = "source",
    max_features: int = 5000,
    ngrams: int = 2,
    svd: int | None = None,
    words: bool = True,
    tokenizer: str | list[str] | None = None,
    max_length: int = 128,
    repeated: Literal["first", "distribution"] = "first",
    separator: str | None = None,
    charset: str | None = None,
    missing: Sequence[str] | None = None,
    not_missing: Sequence[str] | None = None,
    *,
    cuts: Cuts,
) -> Dataset:
    """Texts as TF-IDF of words, each row of length 1, or its leading singular directions; beside
    these, or instead, as tokens for models of transformers.

    The vocabulary and the document frequencies come from training texts only. A text that occurs
    twice in a domain is kept once, or a copy of a training text could be in the test split; or,
    where its labels are votes, all of them are in one split.

    Args:
        path: a CSV file, or objects of JSON (.jsonl, .json); either may be packed (.gz).
        source: the domain that knowledge comes from; None for the target alone.
        target: the domain that counts; None for all texts. Several may be joined by `+`, of either.
        labels: `all`, `none`, or how many training samples of the target keep their label.
        text_column: which column, or key, holds the text.
        label_column: likewise its class.
        domain_column: likewise its domain; read only where a domain is named.
        group_column: likewise what it belongs to, such as an author: texts of one group stay
            together in every split; None where each is by itself.
        vocabulary: of the source's training texts, or of the union with the target's.
        max_features: how many of the most frequent words and phrases are used.
        ngrams: words in the longest phrase.
        svd: how many singular directions of the training texts are kept (latent semantic
            analysis, Deerwester et al., 1990); None for the words themselves.
        words: whether there are such rows at all; no model needs them where all read tokens.
        tokenizer: a folder or a name on the Hugging Face hub, of the model that is to read tokens;
            several where teacher and student have their own; None for no tokens.
        max_length: tokens of a text that are kept.
        repeated: what labels of a text that occurs several times count: the `first`, or as a
            `distribution`, each for a training sample; see `kdrun.dataset.votes`.
        separator: between the cells of a CSV file; None for what is found.
        charset: the encoding of the file; None for what is found.
        missing: marks of missing cells beside the usual ones.
        not_missing: usual marks that are values here.
        cuts: how the data are cut; its fields are arguments.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a column or domain is missing, a text is empty, or a fraction or size does not
            fit; there is no such tokenizer, or neither words nor tokens are wanted.
    """
    if not words and not tokenizer:
        raise ValueError("dataset.words=false leaves nothing to read: set dataset.tokenizer.")
    if vocabulary not in ("source", "union"):
        hint = nearest(vocabulary, ("source", "union"))
        raise ValueError(f"dataset.vocabulary={vocabulary} is not defined; {hint}")
    if repeated not in ("first", "distribution"):
        hint = nearest(repeated, ("first", "distribution"))
        raise ValueError(f"dataset.repeated={repeated} is not defined; {hint}")
    read = read_texts(
        path,
        {"text": text_column, "label": label_column}
        | ({"domain": domain_column} if target else {})
        | ({"group": group_column} if group_column else {}),
        Format(separator, charset, tuple(missing or ()), tuple(not_missing or ())),
        votes=repeated == "distribution",
    )
    table = read.table
    if target:
        check_names(source, target, sorted(table["domain"].unique()))
        used = table["domain"].isin([*parts(source), *parts(target)])
        table = table[used]
    elif source:
        raise ValueError("dataset.source is set, but not dataset.target: name the domain to test.")
    targets, classes = _classes(table["label"], f"{path}: '{label_column}'")
    groups = number_groups(table["group"]) if group_column else None

    voted = votes(table["same"], table["label"]) if repeated == "distribution" else None
    if voted:
        groups = voted.together(groups)
    texts = table["text"]
    cut = Tokens.load(tokenizer, max_length) if tokenizer else None
    tokens = cut(texts.tolist()) if cut else {}
    counts = Words(max_features, ngrams, svd) if words else None
    ids = [str(row) for row in table.index]
    whole = Arrays(torch.arange(len(table)), targets, ids, groups, row_marks(table[["text"]]))

    def domain(name: str | None, cuts: Cuts) -> Domain:
        own = of_domain(whole, table["domain"], name) if name else whole
        return own_classes(Domain(name or "", *cuts.divide(own), classes))

    def fit(source: Split, target: Split) -> Encoder:
        known = rows(source)
        if vocabulary == "union" and target is not source:
            known = torch.cat([known, rows(target)])
        assert counts is not None
        counts.fit(texts.iloc[(voted.once(known) if voted else known).numpy()])
        return lambda split: with_inputs(
            split, torch.from_numpy(counts(texts.iloc[rows(split).numpy()]))
        )

    def fit_beside_tokens(source: Split, target: Split) -> Encoder:
        encode = fit(source, target) if words else None

        def both(split: Split) -> Split:
            inputs = {key: value[rows(split)] for key, value in tokens.items()}
            return with_inputs(split, {ROWS: rows(encode(split)), **inputs} if encode else inputs)

        return both

    data = combine(
        domain(target, cuts),
        domain(source, cuts.unfolded) if source else None,
        labels=labels,
        cuts=cuts,
        fit=fit_beside_tokens if tokens else fit,
    )
    if voted:
        data = voted.settled(data, ids)
    reader = {
        "_target_": "kdrun.dataset.new.texts",
        "column": text_column,
        "words": counts.learnt if counts else None,
        "tokens": cut.described if cut else None,
        "written": {"missing": list(missing or ()), "not_missing": list(not_missing or ())},
    }
    return replace(data, reader=reader, notes=tuple(read.notes))


def _classes(labels: pd.Series[str], where: str) -> tuple[Tensor, list[str]]:
    """The number of each text's class, and their names."""
    classes = sorted(labels.unique())
    return number_classes(labels, classes, where, "dataset=text knows classes, not values"), classes
