"""The schema, the resolvers and the roles of models, made known to Hydra."""

from __future__ import annotations

from pathlib import Path

from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig, OmegaConf

from kdrun.config import roles
from kdrun.config.schema import Config, folder
from kdrun.security import trust


def register(config_dir: str | None = None) -> None:
    """Make the schema, the resolvers and the roles of models known to Hydra.

    Args:
        config_dir: the user's own folder of configs, whose model/ counts too.
    """
    trust.register()

    def name(parent: str | None = None, *, _root_: DictConfig) -> str:
        from kdrun.config.identity import identify, run_id

        return run_id(identify(_root_), parent)

    OmegaConf.register_new_resolver("run_id", name, replace=True)
    OmegaConf.register_new_resolver("stem", lambda path: Path(str(path)).stem, replace=True)
    store = ConfigStore.instance()
    store.store(name="schema", node=Config, provider="kdrun")
    # Hydra copies its sources, and with them this singleton, at every look-up of a group: for
    # --help a hundred times, which took half of its time. Loading from it copies anyway.
    store.__deepcopy__ = lambda memo: store  # type: ignore[attr-defined]
    roles.register([folder(), *([Path(config_dir)] if config_dir else [])])
