"""Everything that changes during a training: what a checkpoint holds."""

import logging
from dataclasses import asdict, dataclass, field
from typing import Any

from torch.optim.lr_scheduler import LambdaLR

from hydromae.base.errors import RunError
from hydromae.config import Config
from hydromae.runs.changes import listed_changes, settings_that_matter, with_later_keys
from hydromae.runs.checkpoint import random_state, restore_random_state
from hydromae.store.fingerprint import changed_since
from hydromae.store.store import Store
from hydromae.training.engine import Engine
from hydromae.training.history import History
from hydromae.training.progress import Progress
from hydromae.training.validation import COUNTED
from hydromae.training.world import World

logger = logging.getLogger(__name__)


@dataclass
class TrainingState:
    """What changes during a training, and what must be the same when it is continued.

    Attributes:
        engine: model and optimizer.
        schedule: of the learning rate.
        world: the processes.
        batch: windows in a step over all processes.
        data: fingerprint of the data, settings that matter, and the arithmetic.
        progress: where it stands.
        history: steps since the last record.
    """

    engine: Engine
    schedule: LambdaLR
    world: World
    batch: int
    data: dict[str, Any]
    progress: Progress = field(default_factory=Progress)
    history: History = field(default_factory=History)

    def content(self) -> dict[str, Any]:
        """What a checkpoint holds; all processes must call this."""
        return {
            **self.engine.state(),
            "schedule": self.schedule.state_dict(),
            "progress": asdict(self.progress),
            "history": self.history.state(self.world),
            "random": self.world.gather(random_state()),
            "batch": self.batch,
            "data": self.data,
            "validation": COUNTED,
        }

    def restore(self, content: dict[str, Any], store: Store, where: str) -> None:
        """Take up the content of a checkpoint, which may be of another number of processes.

        Args:
            content: of the checkpoint.
            store: the data now.
            where: the run, for messages.

        Raises:
            RunError: it was made with other data or another configuration; the message says what differs.
        """
        if changed := changed_since(content["data"], store):
            raise RunError(
                f"{where}: the data in {store.path} are not those its checkpoint was made with: {changed}; "
                f"prepare that store anew from the same files, or train a new run"
            )
        settings = self.data["settings"]
        if changed := listed_changes(with_later_keys(content["data"]["settings"], settings), settings):
            raise RunError(
                f"{where}: config.yaml is not as it was when its checkpoint was made: {changed}; set it as it was, or "
                f"train a new run"
            )
        before, now = content["data"]["arithmetic"], self.data["arithmetic"]
        if before != now and self.world.is_main:
            logger.warning("%s: goes on in %s instead of %s, so its numbers differ from here on", where, now, before)
        self.data = {**content["data"], "settings": settings, "arithmetic": now}
        self.engine.load(content)
        self.schedule.load_state_dict(content["schedule"])
        self.progress = Progress(**content["progress"])
        self.history = History.restored(content["history"], self.world)
        self._restore_randoms(content["random"], where)

    def _restore_randoms(self, randoms: list[Any], where: str) -> None:
        if self.world.rank < len(randoms):
            restore_random_state(randoms[self.world.rank])
        if len(randoms) != self.world.size and self.world.is_main:
            logger.warning(
                "%s: goes on with %d processes instead of %d; a step still takes %d windows, divided anew among them; "
                "sums are rounded in another order, and dropout differs from here on",
                *(where, self.world.size, len(randoms), self.batch),
            )


def identity(config: Config, store: Store, engine: Engine) -> dict[str, Any]:
    """What a continued training must have in common with its checkpoint, for JSON.

    Args:
        config: with the whole configuration of the model.
        store: its data.
        engine: how it computes.
    """
    return {
        **store.identity_until(store.n_days),
        "settings": settings_that_matter(config),
        "arithmetic": f"{engine.settings.precision} on {engine.world.device.type}",
    }
