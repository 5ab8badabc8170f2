"""What a student has not seen in training is told by its count, never silently a constant."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from kdrun.dataset.asked import Asked
from kdrun.dataset.new import rows
from kdrun.dataset.table import table
from kdrun.types import Arrays


@pytest.fixture
def written(tmp_path: Path):
    """What a table of zip codes, colours, doses and dates says of how to read another."""
    draw = random.Random(0)
    lines = ["zip;colour;dose;when;label"]
    for i in range(60):
        cells = (draw.randint(1, 4), draw.choice(["red", "blue"]), f"{draw.gauss():.2f}")
        date = f"2024-01-{draw.randint(1, 28):02}"
        lines.append(";".join(map(str, [*cells, date, "ab"[i % 2]])).replace(".", ","))
    path = tmp_path / "train.csv"
    path.write_text("\n".join(lines))
    reader = table(str(path), "label", categorical=["zip"]).reader
    assert reader is not None
    return {key: value for key, value in reader.items() if key != "_target_"}


def read(
    folder: Path, written, content: str, asked: Asked | None = None
) -> tuple[Arrays, list[str]]:
    path = folder / "new.csv"
    path.write_text(content)
    told: list[str] = []
    asked = (asked or Asked())._replace(tell=told.append)
    return rows(str(path), asked=asked, **written), told


PLAIN = "zip,colour,dose,when\n2,red,0.5,2024-01-09\n3,blue,-0.1,2024-01-02\n"


@pytest.mark.parametrize(
    "content",
    [
        PLAIN.replace("\n2,", "\n2.0,").replace("\n3,", "\n03,"),
        PLAIN.replace("red", "red ").replace("blue", " blue"),
        PLAIN.replace("\n", ",\n"),
        PLAIN.replace(",", ";").replace(".", ","),
        PLAIN.replace(",", "\t"),
    ],
)
def test_another_way_to_write_the_same_cells_is_the_same(tmp_path, written, content: str) -> None:
    plain, told = read(tmp_path, written, PLAIN)
    assert not told
    other, _ = read(tmp_path, written, content)
    assert other.inputs.tolist() == plain.inputs.tolist()  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (PLAIN.replace("red", "Red"), "'colour': 1 of 2 cells are none of the 2 categories"),
        (PLAIN.replace("red", "NULL"), "(blue, red) but 'nothing' 1"),
        (PLAIN.replace("0.5", ""), "'dose': 1 of 2 cells are missing and count as "),
        (PLAIN.replace("0.5", "?").replace("-0.1", ""), "'dose': 2 of 2 cells are missing"),
        (PLAIN.replace("dose,when", "dose,when,more").replace("-09", "-09,x"), "not read: more"),
    ],
)
def test_what_training_did_not_have_is_told(tmp_path, written, content: str, told: str) -> None:
    assert told in ". ".join(read(tmp_path, written, content)[1])


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (PLAIN.replace("0.5", "much"), "new.csv: column 'dose' holds 'much' in row 1"),
        (PLAIN.replace("2024-01-09", "soon"), "'when' holds 'soon' in row 1, which is no date"),
        (PLAIN.replace("colour", "color"), "no column 'colour'; did you mean 'color'"),
    ],
)
def test_what_cannot_be_read_is_refused(tmp_path, written, content: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        read(tmp_path, written, content)


def test_a_column_that_is_not_there_counts_as_missing_when_asked(tmp_path, written) -> None:
    content = PLAIN.replace("dose", "dosis")
    found, told = read(tmp_path, written, content, Asked(fill=True))
    assert "columns that are not there count as missing: dose" in told
    assert "columns that the student does not read: dosis" in told
    place = [column["name"] for column in written["learnt"]["numeric"]].index("dose")
    assert abs(found.inputs[:, place]).max() < 1e-6  # type: ignore[index,union-attr]
    with pytest.raises(ValueError, match="none of the columns that the student reads"):
        read(tmp_path, written, "a,b\n1,2\n", Asked(fill=True))


def test_rows_have_names_and_labels_when_asked(tmp_path, written) -> None:
    lines = zip(PLAIN.splitlines(), ["who,label", "Ada,b ", "Bob,c"], strict=True)
    content = "\n".join(",".join(line) for line in lines)
    asked = Asked(ids="who", labels="label", classes=["a", "b"])
    found, told = read(tmp_path, written, content, asked)
    assert found.ids == ["Ada", "Bob"]
    assert found.targets.tolist() == [1, -1]
    assert told == ["1 rows have no label that is known, and are not scored: 'c'"]
    values = content.replace("b ", "7").replace("Bob,c", "Bob,8")
    found, _ = read(tmp_path, written, values, asked._replace(classes=[]))
    assert found.targets.tolist() == [7, 8]
    with pytest.raises(ValueError, match=r"none of 2 cells of 'label' is a class .* \(d, e\)"):
        read(tmp_path, written, content, asked._replace(classes=["d", "e"]))
    with pytest.raises(ValueError, match="no column 'whom'"):
        read(tmp_path, written, content, asked._replace(ids="whom"))
