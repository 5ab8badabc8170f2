"""A .skops file holds what is listed, or is refused before skops reads it."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from kdrun.security.estimators import known_types, refuse_types
from kdrun.security.places import ESTIMATORS


def archive(path: Path, schema: Any) -> Path:
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("schema.json", json.dumps(schema))
    return path


def node(module: str, name: str, **more: Any) -> dict[str, Any]:
    return {"__module__": module, "__class__": name, **more}


def test_known_types_have_both_names_of_an_estimator() -> None:
    assert {"sklearn.svm.SVC", "sklearn.svm._classes.SVC"} <= known_types()
    assert not {name for name in known_types() if name.startswith(("os.", "builtins.exec"))}


def test_every_listed_estimator_exists() -> None:
    import importlib

    for path in ESTIMATORS.names:
        home, _, name = path.rpartition(".")
        assert isinstance(getattr(importlib.import_module(home), name), type), path


@pytest.mark.parametrize(
    "schema",
    [
        node("os", "system"),
        node("sklearn.pipeline", "Pipeline", content={"steps": [node("os", "system")]}),
        node("builtins", "dict", content=[[[node("builtins", "eval")]]]),
        {"__class__": "x"},
        node("sklearn.utils._testing", "TempMemmap"),
    ],
)
def test_others_are_refused_wherever_they_stand(tmp_path: Path, schema: Any) -> None:
    with pytest.raises(ValueError, match="a file is read that holds numbers and estimators"):
        refuse_types(archive(tmp_path / "a.skops", schema))


def test_what_is_listed_is_let_in(tmp_path: Path) -> None:
    inner = node("sklearn.svm._classes", "SVC")
    refuse_types(
        archive(tmp_path / "a.skops", node("sklearn.pipeline", "Pipeline", content=[inner]))
    )


def test_what_is_no_archive_of_skops_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.skops"
    for content in (b"PK", b""):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"is not a readable \.skops file"):
            refuse_types(path)
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("other.json", "{}")
    with pytest.raises(ValueError, match=r"is not a readable \.skops file"):
        refuse_types(path)
