"""Texts with a label, and a domain if there are several, as rows of TF-IDF or as tokens."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

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
from kdrun.dataset.parted import divided
from kdrun.dataset.spread import spread
from kdrun.dataset.text_file import read_texts
from kdrun.dataset.tokens import Tokens
from kdrun.dataset.votes import Votes, votes
from kdrun.dataset.words import Words
from kdrun.sample import ROWS
from kdrun.types import Arrays, Dataset, Split

if TYPE_CHECKING:
    import pandas as pd


class Named(NamedTuple):
    """Which columns of a CSV file, or keys of objects of JSON, hold what.

    Attributes:
        text_column: the text.
        label_column: its class.
        domain_column: its domain; read only where a domain is named.
        group_column: what it belongs to, such as an author: texts of one group stay together in
            every split; None where each is by itself.
        repeated: what labels of a text that occurs several times count: the `first`, or as a
            `distribution`, each for a training sample; see `kdrun.dataset.votes`.
    """

    text_column: str = "text"
    label_column: str = "label"
    domain_column: str = "domain"
    group_column: str | None = None
    repeated: Literal["first", "distribution"] = "first"

    @property
    def votes(self) -> bool:
        """Whether every label of a text counts.

        Raises:
            ValueError: `repeated` is not defined.
        """
        if self.repeated not in ("first", "distribution"):
            hint = nearest(self.repeated, ("first", "distribution"))
            raise ValueError(f"dataset.repeated={self.repeated} is not defined; {hint}")
        return self.repeated == "distribution"

    def read(self, domains: bool) -> dict[str, str]:
        """What is read, by its role."""
        found = {"text": self.text_column, "label": self.label_column}
        if domains:
            found["domain"] = self.domain_column
        if self.group_column:
            found["group"] = self.group_column
        return found


class Form(NamedTuple):
    """What a model reads of a text: rows of words, tokens, or both.

    Attributes:
        vocabulary: of the source's training texts, or of the union with the target's.
        max_features: how many of the most frequent words and phrases are used.
        ngrams: words in the longest phrase.
        svd: how many singular directions of the training texts are kept (latent semantic
            analysis, Deerwester et al., 1990); None for the words themselves.
        words: whether there are such rows at all; no model needs them where all read tokens.
        tokenizer: a folder or a name on the Hugging Face hub, of the model that is to read tokens;
            several where teacher and student have their own; None for no tokens.
        max_length: tokens of a text that are kept.
    """

    vocabulary: Literal["source", "union"] = "source"
    max_features: int = 5000
    ngrams: int = 2
    svd: int | None = None
    words: bool = True
    tokenizer: str | list[str] | None = None
    max_length: int = 128

    def check(self) -> None:
        """Refuse what leaves nothing to read.

        Raises:
            ValueError: neither words nor tokens are wanted, or there is no such vocabulary.
        """
        if not self.words and not self.tokenizer:
            raise ValueError("dataset.words=false leaves nothing to read: set dataset.tokenizer.")
        if self.vocabulary not in ("source", "union"):
            hint = nearest(self.vocabulary, ("source", "union"))
            raise ValueError(f"dataset.vocabulary={self.vocabulary} is not defined; {hint}")


@spread(named=Named(), form=Form(), written=Format())
@with_cuts(test_fraction=0.2)
def text(
    path: str,
    source: str | None = None,
    target: str | None = None,
    labels: Labels = "all",
    download: bool = False,
    *,
    named: Named,
    form: Form,
    written: Format,
    cuts: Cuts,
) -> Dataset:
    """Texts as TF-IDF of words, or its singular directions; or as tokens for transformers.

    The vocabulary and its frequencies come from training texts only. A text that occurs twice in a
    domain is kept once, or, where its labels are votes, in one split.

    Args:
        path: a CSV file, or objects of JSON (.jsonl, .json); either may be packed (.gz). Or a
            dataset of Hugging Face, a folder or `hf://OWNER/NAME`.
        source: the domain that knowledge comes from; None for the target alone.
        target: the domain that counts; None for all texts. Several may be joined by `+`.
        labels: `all`, `none`, or how many training samples of the target keep their label.
        download: fetch what is not here yet from the hub.
        named: which columns hold what; its fields are arguments, as those of the next are.
        form: what a model reads.
        written: how the file is written.
        cuts: how the data are cut.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a column, domain or tokenizer is missing, a text is empty, or a size is wrong.
    """
    form.check()
    columns = named.read(domains=bool(target))
    read = read_texts(path, columns, written, named.votes, download)
    table = _of_domains(read.table, source, target)
    targets, classes = _classes(table["label"], f"{path}: '{named.label_column}'")
    voted = votes(table["same"], table["label"]) if named.votes else None
    groups = number_groups(table["group"]) if named.group_column else None
    groups = voted.together(groups) if voted else groups
    ids = [str(row) for row in table.index]
    whole = Arrays(torch.arange(len(table)), targets, ids, groups, row_marks(table[["text"]]))
    encoding = _Encoding(table["text"], form, voted)

    def domain(name: str | None, cuts: Cuts) -> Domain:
        own = of_domain(whole, table["domain"], name) if name else whole
        train, test, val = divided(own, read.parts, cuts)
        return own_classes(Domain(name or "", train, test, classes, val))

    data = combine(
        domain(target, cuts),
        domain(source, cuts.unfolded) if source else None,
        labels=labels,
        cuts=cuts,
        fit=encoding.fit,
    )
    data = voted.settled(data, ids) if voted else data
    reader = encoding.reader(named.text_column, written)
    return replace(data, reader=reader, notes=tuple(read.notes))


def _of_domains(table: pd.DataFrame, source: str | None, target: str | None) -> pd.DataFrame:
    """The texts of the domains that are named; all where none is."""
    if target:
        check_names(source, target, sorted(table["domain"].unique()))
        return table[table["domain"].isin([*parts(source), *parts(target)])]
    if source:
        raise ValueError("dataset.source is set, but not dataset.target: name the domain to test.")
    return table


class _Encoding:
    """Turns texts, which a split names by their place, into what a model reads."""

    def __init__(self, texts: pd.Series[str], form: Form, voted: Votes | None) -> None:
        self.texts, self.form, self.voted = texts, form, voted
        self.cut = Tokens.load(form.tokenizer, form.max_length) if form.tokenizer else None
        self.tokens = self.cut(texts.tolist()) if self.cut else {}
        self.counts = Words(form.max_features, form.ngrams, form.svd) if form.words else None

    def fit(self, source: Split, target: Split) -> Encoder:
        """Learn the words, if there are to be any, from training texts."""
        if self.counts is not None:
            known = rows(source)
            if self.form.vocabulary == "union" and target is not source:
                known = torch.cat([known, rows(target)])
            once = self.voted.once(known) if self.voted else known
            self.counts.fit(self.texts.iloc[once.numpy()])
        return self._encoded

    def _encoded(self, split: Split) -> Split:
        places = rows(split)
        words = {}
        if self.counts is not None:
            words[ROWS] = torch.from_numpy(self.counts(self.texts.iloc[places.numpy()]))
        if not self.tokens:
            return with_inputs(split, words[ROWS])
        return with_inputs(split, words | {key: v[places] for key, v in self.tokens.items()})

    def reader(self, column: str, written: Format) -> dict[str, Any]:
        """How new texts are read.

        Args:
            column: that holds them.
            written: how their file is.
        """
        return {
            "_target_": "kdrun.dataset.new.texts",
            "column": column,
            "words": self.counts.learnt if self.counts else None,
            "tokens": self.cut.described if self.cut else None,
            "written": written.said,
        }


def _classes(labels: pd.Series[str], where: str) -> tuple[Tensor, list[str]]:
    """The number of each text's class, and their names."""
    classes = sorted(labels.unique())
    return number_classes(labels, classes, where, "dataset=text knows classes, not values"), classes
