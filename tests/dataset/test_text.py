from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from kdrun.dataset.domains import rows
from kdrun.dataset.text import text
from kdrun.dataset.text_file import read_texts
from kdrun.dataset.words import Words

ALONE = {name: name for name in ("text", "label")}
NAMED = ALONE | {"domain": "domain"}
GOOD, BAD = ("fine", "lovely", "great"), ("awful", "dull", "poor")


def lines(count: int = 80) -> list[dict[str, object]]:
    """Short reviews of films and of tea; a word of its own in each, so that no two are equal."""
    return [
        {
            "text": f"{(GOOD if n % 2 else BAD)[n % 3]} {('film', 'tea')[n // 2 % 2]} word{n}",
            "label": n % 2,
            "domain": ("film", "tea")[n // 2 % 2],
        }
        for n in range(count)
    ]


def save(folder: Path, found: list[dict[str, object]], name: str = "t.jsonl.gz") -> str:
    content = "\n".join(json.dumps(row) for row in found).encode()
    path = folder / name
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return str(path)


def test_rows_are_scikit_learns_tfidf_of_the_sources_training_texts(tmp_path: Path) -> None:
    from sklearn.feature_extraction.text import TfidfVectorizer

    found = [{**row, "domain": "one"} for row in lines(40)]
    found += [{**row, "domain": "two", "text": f"{row['text']} later"} for row in lines(40)]
    path = save(tmp_path, found)
    data = text(path, "one", "two", val_fraction=0)
    assert data.source is not None
    assert data.classes == ["0", "1"]
    lengths = rows(data.source.train).norm(dim=1)
    assert torch.allclose(lengths, torch.ones_like(lengths), atol=1e-5)
    texts = [str(row["text"]) for row in found[:40]]
    expected = TfidfVectorizer(max_features=9, sublinear_tf=True, dtype=np.float32)
    matrix = expected.fit_transform(texts).toarray()
    assert np.array_equal(Words(9, 1, None).fit(pd.Series(texts))(pd.Series(texts)), matrix)


def test_the_vocabulary_is_the_sources_unless_the_union_is_asked_for(tmp_path: Path) -> None:
    path = save(tmp_path, lines())
    own, both = (
        text(path, "film", "tea", vocabulary=which, labels="none", ngrams=1, val_fraction=0)
        for which in ("source", "union")
    )
    assert both.shape[0] > own.shape[0]
    assert own.train.targets.unique().tolist() == [-1]


def test_singular_directions(tmp_path: Path) -> None:
    path = save(tmp_path, lines())
    assert text(path, svd=4).shape == (4,)
    with pytest.raises(ValueError, match=r"dataset\.svd=500 is more than the rank"):
        text(path, svd=500)


def test_a_repeated_text_is_kept_once_in_each_domain(tmp_path: Path) -> None:
    found = lines(8)
    copies = [{**row, "text": str(row["text"]).upper() + " "} for row in found]
    moved = [{**row, "domain": "blog"} for row in found]
    path = save(tmp_path, found + copies + moved)
    assert len(read_texts(path, NAMED).table) == 16
    assert len(read_texts(path, ALONE).table) == 8


def test_csv_and_json_lines_are_read_alike(tmp_path: Path) -> None:
    found = lines(6)
    (tmp_path / "t.csv").write_text(
        "text,label,domain\n" + "\n".join(f"{r['text']},{r['label']},{r['domain']}" for r in found)
    )
    csv = read_texts(str(tmp_path / "t.csv"), NAMED).table
    assert csv.equals(read_texts(save(tmp_path, found, "t.jsonl"), NAMED).table)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"text_column": "txt"}, "no column 'txt'; did you mean 'text'"),
        ({"target": "coffee"}, r"dataset\.target=coffee is no domain here; allowed: film, tea"),
        ({"source": "film"}, r"not dataset\.target"),
        ({"vocabulary": "all"}, r"dataset\.vocabulary=all is not defined"),
        ({"max_features": 0}, r"dataset\.max_features=0"),
        ({"source": "film", "target": "film"}, "both film"),
    ],
)
def test_mistakes_are_told(tmp_path: Path, options: dict[str, object], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        text(save(tmp_path, lines()), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"text": " "}, "'text' is empty in row 3: fill"),
        ({"label": None}, "'label' is empty in row 3"),
    ],
)
def test_an_empty_cell_is_told(tmp_path: Path, changed: dict[str, object], told: str) -> None:
    found = lines(6)
    found[2] |= changed
    with pytest.raises(ValueError, match=told):
        text(save(tmp_path, found))


def test_files_that_hold_something_else_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    for content, told in (
        (b"", "holds no rows"),
        (b'{"text": "a"\n', "line 1 is no JSON"),
        (b"[1]\n", "row 1 is no JSON object"),
    ):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=told):
            text(str(path))
    with pytest.raises(ValueError, match="is damaged"):
        text(_cut_off(tmp_path))
    with pytest.raises(FileNotFoundError, match="no file"):
        text(str(tmp_path / "u.jsonl"))
    with pytest.raises(ValueError, match="one class only, '1'"):
        text(save(tmp_path, lines()[1::2]))
    with pytest.raises(ValueError, match="hold no words"):
        text(save(tmp_path, [{"text": f"! {'?' * n}", "label": n % 2} for n in range(9)]))


def _cut_off(folder: Path) -> str:
    path = folder / "cut.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"text": "a"}\n' * 99)[:-12])
    return str(path)


def test_the_real_reviews(real_data: Path) -> None:
    path = str(real_data / "sentiment_7domains" / "sentiment.jsonl.gz")
    data = text(path, "books", "kitchen", labels="none", max_features=300, ngrams=1)
    assert data.source is not None
    assert data.shape == (300,)
    assert 1200 < len(data.source.train) < 1500
