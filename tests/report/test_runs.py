"""Single runs of a page: links that lead to them, and the settings in which they differ."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote

from kdrun.report.runs import FILES, links, settings_apart
from kdrun.results.table import Row
from tests.fabricated import record, save


def rows(*folders: Path) -> list[Row]:
    return [{"run_dir": str(folder)} for folder in folders]


def test_a_link_goes_from_the_page_to_the_folder_and_names_what_is_there(tmp_path: Path) -> None:
    run = tmp_path / "a b" / "javascript:x#y"
    run.mkdir(parents=True)
    for name in ("run.log", "record.json", "secret.txt"):
        (run / name).touch()
    page = tmp_path / "pages"
    (link, gone, nothing) = links([*rows(run, tmp_path / "gone"), {}], page)
    assert (gone, nothing) == (None, None)
    assert link is not None
    assert link["files"] == ["record.json", "run.log"]
    href = str(link["href"])
    assert href.startswith("./")  # else the colon would make a scheme of the name
    assert href.endswith("/")
    assert not {*" #"} & {*href}
    assert (page / unquote(href)).resolve() == run.resolve()
    assert "student.safetensors" not in FILES


def test_only_settings_that_differ_are_told_with_who_has_which(tmp_path: Path) -> None:
    folders = save(
        tmp_path,
        record(0, **{"optimizer.lr": 0.1, "loss.t": 4}),
        record(1, **{"optimizer.lr": 0.2, "loss.t": 4}),
        record(0, **{"optimizer.lr": 0.1, "loss.t": 4, "student": "wrn_16_2"}),
    )
    told = {one["name"]: one for one in settings_apart(rows(*folders, tmp_path / "gone"))}
    assert {*told} == {"optimizer.lr", "seed", "student.name"}
    assert told["optimizer.lr"]["values"] == ["0.1", "0.2", None]
    assert told["optimizer.lr"]["of"] == [0, 1, 0, 2]
    assert told["seed"]["of"] == [0, 1, 0, 2]


def test_a_section_that_only_some_have_is_told_by_what_is_in_it(tmp_path: Path) -> None:
    folders = save(tmp_path, record(0), record(1, **{"augment.flip": True}))
    names = [one["name"] for one in settings_apart(rows(*folders))]
    assert "augment.flip" in names
    assert "augment" not in names


def test_runs_without_records_differ_in_nothing(tmp_path: Path) -> None:
    assert settings_apart([{}, {"run_dir": str(tmp_path)}]) == []
    assert settings_apart(rows(*save(tmp_path, record(0)))) == []
