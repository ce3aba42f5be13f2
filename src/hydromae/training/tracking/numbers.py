"""The numbers of a record under the flat names that trackers show."""

from collections.abc import Mapping
from typing import Any


def numbers_of(record: Mapping[str, Any]) -> dict[str, float]:
    """The numbers of a record under flat names: train/loss, train/precip, train/lr, validation/pinball/precip, ..."""
    event = record["event"]
    flat = {f"{event}/{name}": loss for name, loss in record["losses"].items() if loss is not None}
    flat |= {f"{event}/pinball/{name}": loss for name, loss in record.get("pinball", {}).items() if loss is not None}
    flat |= {
        f"{event}/{key}": value
        for key, value in record.items()
        if key not in ("event", "step", "losses") and isinstance(value, int | float)
    }
    return flat
