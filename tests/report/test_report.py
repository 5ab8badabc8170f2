"""A report's numbers are compare's, every run is in it, and what comes from data stays text."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest

from kdrun import compare
from kdrun.report import main
from kdrun.results.record import load_record, read_metrics, save_record, write_metrics
from tests.fabricated import history, record, save
from tests.report.evil import EVIL

LOSSES = {"kd": (0.90, 0.91, 0.905), "dkd": (0.92, 0.915, 0.93), "at": (0.90, 0.88, 0.91)}


@pytest.fixture
def sweep(tmp_path):
    """Three losses with three seeds each, and a run that failed."""
    runs = [record(s, a, loss=loss) for loss, each in LOSSES.items() for s, a in enumerate(each)]
    save(tmp_path / "sweep", *runs, record(3, loss="kd", error="RuntimeError: boom"), epochs=6)
    return tmp_path / "sweep"


class Page(HTMLParser):
    """What a browser would see: elements, and what is in scripts, styles and the policy."""

    def __init__(self, path):
        super().__init__()
        self.text = Path(path).read_text("utf-8")
        self.elements, self.inside, self.attributes = [], {}, []
        self.current = None
        self.feed(self.text)
        self.content = json.loads(self.inside["script", "content"])

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.elements.append(tag)
        self.attributes += attrs
        self.current = (tag, attributes.get("id"))
        if attributes.get("http-equiv") == "Content-Security-Policy":
            self.policy = attributes["content"]

    def handle_endtag(self, tag):
        self.current = None

    def handle_data(self, data):
        self.inside[self.current] = self.inside.get(self.current, "") + data


def report(capsys, *words):
    """Write a report and read it."""
    assert main([str(word) for word in words]) == 0
    return Page(capsys.readouterr().out.strip())


def compared(capsys, *words):
    """What `kdrun compare --format json` says of the same."""
    assert compare.main([*map(str, words), "--format", "json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_numbers_are_those_of_compare(sweep, capsys):
    page = report(capsys, sweep, "--baseline", "loss=kd").content
    said = compared(capsys, sweep, "--baseline", "loss=kd")
    assert [group["mean"] for group in page["groups"]] == [
        g["test_accuracy"] for g in said["groups"]
    ]
    assert [group["low"] for group in page["groups"]] == [
        g["test_accuracy_low"] for g in said["groups"]
    ]
    assert [group["verdict"] for group in page["groups"]] == [g["verdict"] for g in said["groups"]]
    assert page["facts"]["notes"] == said["notes"]


def test_the_table_says_what_numpy_says(sweep, capsys):
    table = report(capsys, sweep).content["table"]
    rows = [dict(zip(table["columns"], row, strict=True)) for row in table["rows"]]
    assert {row["loss"]: row["test_accuracy [%]"] for row in rows} == {
        loss: f"{100 * np.mean(values):.2f} ± {100 * np.std(values, ddof=1):.2f}"
        for loss, values in LOSSES.items()
    }


def test_every_run_is_there_with_its_numbers(sweep, capsys):
    runs = report(capsys, sweep).content["runs"]
    rows = {row[0]: dict(zip(runs["columns"], row, strict=True)) for row in runs["rows"]}
    records = [load_record(folder) for folder in sweep.iterdir() if folder.is_dir()]
    assert rows.keys() == {one["run_id"] for one in records}
    for one in records:
        row, accuracy = rows[one["run_id"]], one["metrics"].get("test_accuracy")
        assert row["status"] == one["status"]
        assert row["test_accuracy [%]"] == ("" if accuracy is None else f"{100 * accuracy:.2f}")


def test_curves_are_means_between_the_lowest_and_the_highest_run(sweep, capsys):
    page = report(capsys, sweep).content
    names = [group["name"] for group in page["groups"]]
    curve = page["curves"]["of"]["val_accuracy"][str(names.index("kd"))]
    folders = [f for f in sweep.glob("*_kd_*") if load_record(f)["status"] == "ok"]
    runs = np.array([[row["val_accuracy"] for row in read_metrics(f)] for f in folders])
    assert curve["n"] == len(runs) == 3
    for name, expected in (("mean", runs.mean(0)), ("low", runs.min(0)), ("high", runs.max(0))):
        np.testing.assert_allclose(curve[name], expected, rtol=1e-4)


def test_a_curve_ends_with_its_first_run_and_is_thinned(tmp_path, capsys):
    long, short = save(tmp_path, record(0), record(1))
    write_metrics(long, history(0, 0.9, 1000))
    write_metrics(short, history(1, 0.9, 900))
    curve = report(capsys, tmp_path).content["curves"]["of"]["val_accuracy"]["0"]
    assert len(curve["epochs"]) == 150
    assert (curve["epochs"][0], curve["epochs"][-1]) == (1, 900)


def test_without_validation_the_curve_is_the_loss(tmp_path, capsys):
    rows = [{**row, "val_accuracy": None, "val_nll": None} for row in history(0, 0.9)]
    write_metrics(save(tmp_path, record(0))[0], rows)
    assert [m["name"] for m in report(capsys, tmp_path).content["curves"]["measures"]] == ["loss"]


@pytest.mark.parametrize("cost", ["student_params", "latency_ms"])
def test_the_front_is_that_of_compare(tmp_path, capsys, cost):
    places = {"a": (0.9, 3), "b": (0.8, 1), "c": (0.85, 4), "d": (0.9, 5), "e": (0.7, 1)}
    runs = (record(0, value, loss=loss, **{cost: price}) for loss, (value, price) in places.items())
    save(tmp_path, *runs)
    groups = report(capsys, tmp_path).content["groups"]
    said = compared(capsys, tmp_path, "--pareto", cost)["groups"]
    assert {g["name"] for g in groups if cost in g["front"]} == {
        g["loss"] for g in said if g["on_front"]
    }


def test_other_test_data_is_another_front(tmp_path, capsys):
    runs = [record(0, a, dataset=d, test_hash=d) for d, a in (("digits", 0.9), ("mnist", 0.8))]
    save(tmp_path, *runs)
    groups = report(capsys, tmp_path).content["groups"]
    assert [group["field"] for group in groups] == ["digits", "mnist"]
    assert all("student_params" in group["front"] for group in groups)


def test_errors_are_told_once_with_their_runs(tmp_path, capsys):
    failed = [record(s, error="RuntimeError: boom") for s in range(3)]
    save(tmp_path, *failed, record(4, error="ValueError: other"))
    page = report(capsys, tmp_path).content
    names = [row[0] for row in page["runs"]["rows"]]
    assert {e["error"]: len(e["runs"]) for e in page["failures"]["errors"]} == {
        "RuntimeError: boom": 3,
        "ValueError: other": 1,
    }
    assert names[page["failures"]["errors"][1]["runs"][0]].endswith("s4")
    assert "table" not in page


def test_a_regression_is_told_by_its_errors(tmp_path, capsys):
    save(
        tmp_path, *(record(s, test_accuracy=None, test_rmse=54.0 + s, test_r2=0.4) for s in (0, 1))
    )
    page = report(capsys, tmp_path).content
    assert page["metric"]["name"] == "test_rmse"
    assert page["metric"]["less"] is True
    assert "test_r2" in page["table"]["columns"]


def test_settings_that_differ_are_those_of_the_configs(tmp_path, capsys):
    save(tmp_path, record(0), record(1, loss="dkd", optimizer__lr=0.1))
    settings = {one["name"]: one for one in report(capsys, tmp_path).content["settings"]}
    assert settings.keys() == {"loss.name", "optimizer.lr", "seed"}
    lr = settings["optimizer.lr"]
    assert {lr["values"][at] for at in lr["of"]} == {"0.05", "0.1"}


def test_links_lead_from_the_page_to_the_files(sweep, tmp_path, capsys):
    (tmp_path / "pages").mkdir()
    out = tmp_path / "pages" / "r.html"
    links = report(capsys, sweep, "--out", out).content["links"]
    for link in links:
        for file in link["files"]:
            assert (out.parent / unquote(link["href"] + file)).is_file()
    assert {"record.json", "metrics.csv"} <= set(links[0]["files"])


def test_a_table_without_its_runs_is_enough(tmp_path, capsys):
    columns = "run_dir,run_id,status,method,student,loss,seed,test_accuracy"
    rows = ["gone/a,a,ok,distill,resnet8,kd,0,0.9", "gone/b,b,ok,distill,resnet8,kd,1,0.8"]
    (tmp_path / "results.csv").write_text("\n".join([columns, *rows]))
    page = report(capsys, tmp_path / "results.csv", "--out", tmp_path / "r.html").content
    assert page["groups"][0]["mean"] == pytest.approx(0.85)
    assert page["links"] == [None, None]


# What comes from data


@pytest.fixture
def evil(tmp_path):
    """A sweep in which every text is an attack."""
    runs = [record(s, loss=loss, student=EVIL) for s in (0, 1) for loss in (EVIL, "kd")]
    runs.append(record(2, student=EVIL, error=EVIL))
    for index, one in enumerate(runs):
        one["run_id"] = f"javascript:alert({index})<b>&\"'"
        one["config"]["</script>"] = {"<i>": EVIL * (1 + index % 2)}
    save(tmp_path / "<b>evil", *runs, epochs=3)
    return tmp_path / "<b>evil"


def test_nothing_from_data_is_markup(evil, sweep, capsys):
    tame, attacked = report(capsys, sweep), report(capsys, evil)
    assert attacked.elements == tame.elements
    assert attacked.elements.count("script") == 2
    assert [a for a in attacked.attributes if a[0].startswith("on")] == []
    assert attacked.inside["script", None] == tame.inside["script", None]
    assert attacked.content["failures"]["errors"][0]["error"] == " ".join(EVIL.split())
    assert EVIL in {value for one in attacked.content["settings"] for value in one["values"]}


def test_no_link_has_a_scheme(evil, capsys):
    links = report(capsys, evil).content["links"]
    assert all(re.fullmatch(r"\./[\w./%~-]+/", link["href"]) for link in links)
    assert all((evil / unquote(link["href"])).is_dir() for link in links)


def test_the_page_needs_nothing_else_and_runs_nothing_else(sweep, capsys):
    page = report(capsys, sweep)
    assert "://" not in page.text
    assert not {name for name, _ in page.attributes} & {"src", "href", "srcset", "action"}
    assert "url(" not in page.text
    assert "@import" not in page.text
    assert page.policy.startswith("default-src 'none'; ")
    for kind, text in (
        ("script-src", page.inside["script", None]),
        ("style-src", page.inside["style", None]),
    ):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind} 'sha256-{digest}'" in page.policy


def test_a_number_that_is_none_is_no_number_in_the_page(tmp_path, capsys):
    [path] = save(tmp_path, record(0, latency_ms=float("inf")))
    one = load_record(path)
    save_record(path, {**one, "metrics": {**one["metrics"], "test_nll": float("nan")}})
    write_metrics(path, [{"epoch": 1, "val_accuracy": float("nan"), "loss": float("inf")}])
    page = report(capsys, tmp_path)  # Page reads strict JSON
    assert "NaN" not in page.inside["script", "content"]
    assert page.content["curves"]["measures"] == []


# What is typed


def test_the_page_lies_in_the_folder_unless_told_otherwise(sweep, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["sweep"]) == 0
    assert capsys.readouterr().out == "sweep/report.html\n"
    assert main(["sweep/*_kd_*"]) == 0
    assert capsys.readouterr().out == "report.html\n"


def test_a_pattern_and_a_condition_choose_runs(sweep, tmp_path, capsys):
    words = [f"{sweep}/*_dkd_*", sweep, "--where", 'loss != "at"', "--out", tmp_path / "r.html"]
    page = report(capsys, *words).content
    assert page["facts"]["runs"] == 7
    assert page["command"].startswith("kdrun report ")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--metric", "test_acuracy"], "did you mean 'test_accuracy'?"),
        (["--metric", "test_r2"], "no run has a test_r2 to compare"),
        (["--baseline", "loss=crd"], "no group has loss=crd: loss is one of at, dkd, kd"),
        (["--baseline", "loss"], "write column=value"),
        (["--where", "epochs >"], "is no condition"),
        (["--out", "nowhere/r.html"], "there is no folder nowhere"),
        (["missing"], "'missing' neither exists nor matches"),
    ],
)
def test_mistakes_are_named_and_leave_no_page(sweep, tmp_path, capsys, monkeypatch, words, told):
    monkeypatch.chdir(tmp_path)
    assert main([str(sweep), *words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("kdrun report: ")
    assert told in err
    assert not list(tmp_path.rglob("*.html"))


def test_torch_is_not_imported(sweep):
    script = (
        "import sys; from kdrun.report import main; "
        f"main([{str(sweep)!r}]); print('torch' in sys.modules, 'matplotlib' in sys.modules)"
    )
    out = subprocess.check_output([sys.executable, "-c", script], text=True)
    assert out.splitlines()[-1] == "False False"
