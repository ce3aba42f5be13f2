"""A run directory: everything that one training needs and writes."""

import json
from pathlib import Path
from typing import Any, Final

from hydromae.base.errors import ConfigError, DataError, RunError
from hydromae.base.files import absolute, write_text
from hydromae.base.html_text import html_table
from hydromae.base.json_text import sealed, unsealed
from hydromae.base.permissions import refused
from hydromae.base.secret_values import revealed
from hydromae.base.shell import command
from hydromae.config import Config
from hydromae.config.read import dump_config, load_config, with_absolute_paths
from hydromae.runs.changes import listed_changes, settings_that_matter, with_later_keys
from hydromae.runs.shipped import is_shipped, located
from hydromae.sources.plan import periods_of
from hydromae.store.fingerprint import changed_since
from hydromae.store.store import Store

_SETTINGS: Final = "settings"  # in data.json; runs of older versions have none


class RunDirectory:
    """Paths and small files of a run.

    Attributes:
        path: the directory, as an absolute path.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = absolute(path)

    def __str__(self) -> str:
        """As it is called in messages and files: a model that comes with the package by its name, others by path."""
        return self.path.name if is_shipped(self.path) else str(self.path)

    def __fspath__(self) -> str:
        return str(self.path)

    def __repr__(self) -> str:
        return f"RunDirectory({str(self)!r}: {'; '.join(self._said().values())})"

    def _repr_html_(self) -> str:
        return html_table(("", ""), list(self._said().items()), f"Run {self}")

    def _said(self) -> dict[str, str]:
        """What a person wants to know of it at once; where it cannot be read, why."""
        try:
            config = self.config()
            summary = self.read_json("summary.json") if (self.path / "summary.json").is_file() else None
        except (ConfigError, DataError, RunError) as error:
            return {"state": f"cannot be read ({error})"}
        state = "not finished" if summary is None else f"finished after {summary['steps']} steps"
        names = config.data.modalities or config.model.modalities
        return {
            "state": "comes with hydromae" if is_shipped(self.path) else state,
            "modalities": ", ".join(names),
            "data": f"windows of {config.data.window} days",
        }

    @classmethod
    def create(cls, config: Config, store: Store) -> "RunDirectory":
        """Make the directory of a new run.

        Args:
            config: the whole configuration, with the sizes of the model that the data decided.
            store: its data.

        Raises:
            RunError: it already holds a run, or cannot be made.
        """
        run = cls(config.output_path)
        run.refuse_taken()
        try:
            run.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunError(f"{run.path}: cannot be made a directory ({error.strerror}); give another output=") from None
        placed = with_absolute_paths(config)
        # Also the path as given, so that a project moved as a whole finds its store from its new folder.
        given: dict[str, Any] = {"store": str(absolute(store.path)), "store_as_given": config.store_path}
        given[_SETTINGS] = settings_that_matter(placed)
        write_text(run.path / "data.json", sealed({**given, **store.identity_until(store.n_days)}))
        write_text(run.config_file, dump_config(placed))
        return run

    def refuse_taken(self) -> None:
        """Refuse, before any work, a directory that a new run must not be written to.

        Raises:
            RunError: it is a file, already holds a run, or a configuration that is not one of a run.
        """
        other = "give another output="
        if self.path.exists() and not self.path.is_dir():
            raise RunError(f"{self.path}: cannot be made a directory (File exists); {other}")
        # A run that failed before its first checkpoint holds nothing to lose.
        if any(self.checkpoints.glob("step_*.pt")) or self.model.exists():
            raise RunError(
                f"{self.path}: already holds a run; continue it with `{command('resume', self.path)}`, {other}, or "
                f"delete it"
            )
        # A run's data.json is written before its config.yaml, so a configuration without it is somebody's own.
        for path in (self.config_file, self.path / "data.json"):
            if path.exists() and not _is_of_a_run(self.path):
                raise RunError(f"{path}: is there already and is not of a run, so it is not replaced; {other}")

    @classmethod
    def open(cls, path: "str | Path | RunDirectory") -> "RunDirectory":
        """An existing run, or a model that comes with the package by its bare name, as `gb`.

        Raises:
            RunError: there is none.
        """
        run = cls(located(path.path if isinstance(path, RunDirectory) else path))
        if reason := refused(run.path) or refused(run.config_file):
            raise RunError(reason)
        if not run.config_file.is_file():
            raise RunError(f"{run.path}: is not a run directory (no config.yaml); give the output of `hydromae train`")
        return run

    @property
    def config_file(self) -> Path:
        """The whole configuration."""
        return self.path / "config.yaml"

    @property
    def checkpoints(self) -> Path:
        """Directory of the checkpoints."""
        return self.path / "checkpoints"

    @property
    def model(self) -> Path:
        """Directory of the best model's weights and configuration."""
        return self.path / "model"

    @property
    def metrics(self) -> Path:
        """JSON lines of losses."""
        return self.path / "metrics.jsonl"

    def own_output(self, name: str) -> Path:
        """Where a task writes that is given no file: in the run, but never among what comes with the package.

        Raises:
            ConfigError: the run is such a model.
        """
        if is_shipped(self.path):
            raise ConfigError(f"{self.path.name} comes with hydromae, where nothing is written; name the output (-o)")
        return self.path / name

    def config(self) -> Config:
        """The run's configuration.

        Raises:
            RunError: a setting that decides what is learnt or predicted is not as it was when the run was begun.
        """
        config = load_config(self.config_file)
        begun = self.read_json("data.json").get(_SETTINGS) if (self.path / "data.json").is_file() else None
        now = settings_that_matter(config)
        if begun is not None and (changed := listed_changes(with_later_keys(begun, now), now)):
            raise RunError(
                f"{self.config_file}: is not as it was when the run was begun: {changed}; set it as it was, or train a "
                f"new run"
            )
        return config

    def store(self) -> Store:
        """The run's store, found where the configuration says or where it lay when the run began.

        Raises:
            RunError: it is missing, or its data are not those the run was trained on; the message says what differs.
        """
        if is_shipped(self.path):
            raise RunError(
                f"{self.path.name} comes with hydromae and has no data of its own; give yours with --data, a folder "
                f"or a configuration"
            )
        recorded = self.read_json("data.json")
        recorded.pop(_SETTINGS, None)
        problem = ""
        for path in (self.config().store_path, recorded["store"], recorded.get("store_as_given", recorded["store"])):
            try:
                store = Store.open(revealed(path))
            except DataError as error:
                problem = problem or f"the run's store cannot be opened: {error}"
                continue
            changed = changed_since(recorded, store)
            if not changed:
                data = self.config().data
                store = store.with_periods(periods_of(data)).with_excluded(data.exclude_dates)
                return store.with_checking(data.verify)
            problem = (
                f"the data in {store.path} are not those the run was trained on: {changed}; "
                f"prepare that store anew from the same files, or train a new run"
            )
        raise RunError(f"{self.path}: {problem}")

    def read_json(self, name: str) -> dict[str, Any]:
        """A small file of the run.

        Raises:
            RunError: it is absent or damaged.
        """
        try:
            return unsealed((self.path / name).read_text(encoding="utf-8"))
        except (OSError, ValueError, TypeError) as error:
            reason = refused(self.path / name, error)
            raise RunError(reason or f"{self.path / name}: cannot be read ({error}); train the run anew") from None

    def write_json(self, name: str, content: dict[str, Any]) -> None:
        """Write a small file of the run atomically."""
        write_text(self.path / name, sealed(content))


def _is_of_a_run(path: Path) -> bool:
    """Whether a directory has the data.json of a run."""
    try:
        return "fingerprint" in json.loads((path / "data.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError, TypeError):
        return False
