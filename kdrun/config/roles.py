"""`student=NAME` and `teacher=NAME` for every architecture in configs/model, as Hydra sees them.

Each architecture is described once; a role is a few keys around it. A config source makes those
configs as they are asked for, so that no folder holds two yaml files for every model.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.object_type import ObjectType
from hydra.core.plugins import Plugins
from hydra.plugins.config_source import ConfigLoadError, ConfigResult, ConfigSource
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import OmegaConf

ROLES = ("student", "teacher")


class RoleSource(ConfigSource):
    """The groups student and teacher, whose choices are the models."""

    places: ClassVar[list[Path]] = []
    """Folders of configs whose model/ counts."""

    @staticmethod
    def scheme() -> str:
        """What precedes :// in Hydra's search path."""
        return "role"

    def available(self) -> bool:
        """There are always models."""
        return True

    def _models(self) -> list[str]:
        return sorted({path.stem for place in self.places for path in place.glob("model/*.yaml")})

    def is_group(self, config_path: str) -> bool:
        """Whether a path is one of the two groups."""
        return config_path.rstrip("/") in ROLES

    def is_config(self, config_path: str) -> bool:
        """Whether a path is a role and a model."""
        role, _, name = config_path.removesuffix(".yaml").partition("/")
        return role in ROLES and name in self._models()

    def load_config(self, config_path: str) -> ConfigResult:
        """The keys of configs/ROLE/network.yaml around the model."""
        role, _, name = config_path.removesuffix(".yaml").partition("/")
        if not self.is_config(config_path):
            raise ConfigLoadError(f"there is no {role} '{name}'")
        node = {"defaults": ["network", {"/model@model": name}, "_self_"], "name": name}
        return ConfigResult(
            provider=self.provider,
            path="role://",
            config=OmegaConf.create(node),
            header={"package": None},
        )

    def list(self, config_path: str, results_filter: ObjectType | None) -> list[str]:
        """The models below a role, or the roles below the root."""
        below = config_path.strip("/")
        if below in ROLES and results_filter is not ObjectType.GROUP:
            return self._models()
        return list(ROLES) if below == "" and results_filter is not ObjectType.CONFIG else []


class RoleSearchPath(SearchPathPlugin):
    """Puts `RoleSource` on Hydra's search path."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Append it: files of the same name come first."""
        search_path.append(provider="kdrun", path="role://")


def register(places: list[Path]) -> None:
    """Let `student=` and `teacher=` name every model of these folders of configs."""
    RoleSource.places = places
    Plugins.instance().register(RoleSource)
    Plugins.instance().register(RoleSearchPath)
