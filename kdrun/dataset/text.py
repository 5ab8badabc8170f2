"""Texts with a label, and a domain if there are several, as rows of TF-IDF or as tokens."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from torch import Tensor

from kdrun.bounds import PACKED, is_plain
from kdrun.dataset.columns import number_classes, read_table, require_columns
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
from kdrun.dataset.fold import Fold, divide
from kdrun.dataset.json_lines import check_keys, read_json_lines
from kdrun.dataset.tokens import Tokens
from kdrun.dataset.words import Words
from kdrun.shape import ROWS
from kdrun.target import nearest
from kdrun.types import Arrays, Dataset, Split

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)


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
    val_fraction: float = 0.1,
    split_seed: int = 0,
    train_size: int | None = None,
    test_fraction: float = 0.2,
    fold: Fold | None = None,
) -> Dataset:
    """Texts as TF-IDF of words, each row of length 1, or its leading singular directions; beside
    these, or instead, as tokens for models of transformers.

    The vocabulary and the document frequencies come from training texts only. A text that occurs
    twice in a domain is kept once, or a copy of a training text could be in the test split.

    Args:
        path: a file of comma-separated values, or of JSON lines (.jsonl, .jsonl.gz).
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
        val_fraction: how much of the training data is for model selection.
        split_seed: what every split is a function of.
        train_size: how many training samples of each domain are used; None for all.
        test_fraction: how much of each domain is for testing.
        fold: what is tested on in cross-validation; None for the split of `test_fraction`.

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
    table = read_texts(
        path, text_column, label_column, domain_column if target else None, group_column
    )
    if target:
        check_names(source, target, sorted(table["domain"].unique()))
        used = table["domain"].isin([*parts(source), *parts(target)])
        table = table[used].reset_index(drop=True)
    elif source:
        raise ValueError("dataset.source is set, but not dataset.target: name the domain to test.")
    targets, classes = _classes(table["label"], f"{path}: '{label_column}'")
    groups = number_groups(table["group"]) if group_column else None

    texts = table["text"]
    cut = Tokens.load(tokenizer, max_length) if tokenizer else None
    tokens = cut(texts.tolist()) if cut else {}
    counts = Words(max_features, ngrams, svd) if words else None
    whole = Arrays(torch.arange(len(table)), targets, groups=groups)

    def domain(name: str | None, fold: Fold | None = None) -> Domain:
        own = of_domain(whole, table["domain"], name) if name else whole
        train, test = divide(own, test_fraction, split_seed, fold)
        return own_classes(Domain(name or "", train, test, classes))

    def fit(source: Split, target: Split) -> Encoder:
        known = rows(source)
        if vocabulary == "union" and target is not source:
            known = torch.cat([known, rows(target)])
        assert counts is not None
        counts.fit(texts.iloc[known.numpy()])
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
        domain(target, fold),
        domain(source) if source else None,
        labels=labels,
        val_fraction=val_fraction,
        split_seed=split_seed,
        train_size=train_size,
        fit=fit_beside_tokens if tokens else fit,
    )
    reader = {
        "_target_": "kdrun.dataset.new.texts",
        "column": text_column,
        "words": counts.learnt if counts else None,
        "tokens": cut.described if cut else None,
    }
    return replace(data, reader=reader)


def _classes(labels: pd.Series[str], where: str) -> tuple[Tensor, list[str]]:
    """The number of each text's class, and their names."""
    classes = sorted(labels.unique())
    return number_classes(labels, classes, where, "dataset=text knows classes, not values"), classes


def read_texts(
    path: str, text: str, label: str, domain: str | None, group: str | None = None
) -> pd.DataFrame:
    """Columns text, label, domain and group of a file, without the repetitions within a domain.

    Args:
        path: a file of comma-separated values, or of JSON lines (.jsonl, .jsonl.gz).
        text: which column, or key, holds the text.
        label: likewise its class.
        domain: likewise its domain; None where there is only one.
        group: likewise its group; None where there are none.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a column is missing, a cell empty, or a line no JSON object.
    """
    table = read_file(path)
    named = {"text": text, "label": label, "domain": domain, "group": group}
    wanted = {key: name for key, name in named.items() if name}
    require_columns(table, wanted.values(), path)
    table = table[list(wanted.values())].set_axis(list(wanted), axis=1)
    for key, name in wanted.items():
        empty = np.flatnonzero(table[key].isna() | (table[key].astype(str).str.strip() == ""))
        if len(empty):
            more = f", and in {len(empty)} rows in all" if len(empty) > 1 else ""
            raise ValueError(
                f"{path}: '{name}' is empty in row {empty[0] + 1}{more}: fill or drop that."
            )
        table[key] = table[key].astype(str)
    bare = table["text"].str.casefold().str.split().str.join(" ")
    repeated = table.assign(text=bare).duplicated(["text", *(["domain"] if domain else [])])
    if repeated.any():
        log.info("%s: %d of %d texts are repetitions, left out", path, repeated.sum(), len(table))
    return table[~repeated].reset_index(drop=True)


def read_file(path: str) -> pd.DataFrame:
    """Every column of a file of comma-separated values, or every key of JSON lines.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is none of these.
    """
    bare = path.removesuffix(Path(path).suffix) if Path(path).suffix in PACKED else path
    lines = bare.endswith((".jsonl", ".ndjson"))
    return _read_json_lines(Path(path)) if lines else read_table(path)


def _read_json_lines(path: Path) -> pd.DataFrame:
    import pandas as pd

    if not is_plain(path):
        raise FileNotFoundError(f"there is no file {path}: give a .csv, .jsonl or .jsonl.gz file.")
    found = read_json_lines(path)
    if not found:
        raise ValueError(f"{path} holds no texts.")
    check_keys(path, found)
    return pd.DataFrame(found)
