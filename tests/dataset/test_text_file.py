from __future__ import annotations

from pathlib import Path

from kdrun.dataset.text_file import read_texts


def test_repeated_texts_whose_labels_disagree_are_told_and_ids_are_rows(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("text,label\nfine,a\nFine ,b\nfine,b\ndull,a\ndull,a\nso,b\n")
    read = read_texts(str(path), {"text": "text", "label": "label"})
    assert read.table.index.tolist() == [0, 3, 5]
    assert read.notes == [
        "3 of 6 texts are repetitions, left out",
        "the labels of 1 texts disagree where they are repeated: the first counts; "
        "dataset.repeated=distribution learns from all of them",
    ]


def test_votes_stay_and_are_told(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("text,label\nfine,a\nFine ,b\nfine,b\ndull,a\ndull,a\nso,b\n")
    read = read_texts(str(path), {"text": "text", "label": "label"}, votes=True)
    assert read.table["same"].tolist() == [0, 0, 0, 1, 1, 2]
    assert read.notes == [
        "6 labels of 3 texts, 1 of which have several: each is learnt from, and what is tested "
        "counts once, with the label that most gave it"
    ]


def test_labels_that_are_one_number_are_one_class(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    labels = ("1", "1.0", '"1"', '" 0"')
    path.write_text("\n".join(f'{{"text": "t{n}", "label": {x}}}' for n, x in enumerate(labels)))
    read = read_texts(str(path), {"text": "text", "label": "label"})
    assert read.table["label"].tolist() == ["1", "1", "1", "0"]
    assert read.notes == [
        "'1', '1.0' of column 'label' are one",
        "1 cells of column 'label' had blanks around, left out",
    ]
