"""What a data set holds, short enough for each run to keep, and in words what differs in another one."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final

from hydromae.store.store import Store

Identity = Mapping[str, Any]

_SHOWN: Final = 4
_LAND: Final = ("land.npy", "valid_patches.npy")


def changed_since(earlier: Identity, store: Store) -> str:
    """How a store differs, in words, from the data that a run was trained on; empty where it does not.

    Days may have been added since: only those that the run knew are compared.

    Args:
        earlier: from `Store.identity_until`.
        store: as it is now.

    Raises:
        DataError: its values or attributes cannot be read.
    """
    if store.n_days >= earlier["n_days"] and store.fingerprint_until(earlier["n_days"]) == earlier["fingerprint"]:
        return ""
    return ", ".join(differences(earlier, store.identity_until(min(earlier["n_days"], store.n_days))))


def differences(old: Identity, new: Identity) -> list[str]:
    """What differs between two data sets, what says most comes first; empty where nothing does.

    What follows from another difference is left out: a changed value changes the scaler too, and a removed station
    changes every block of each series.

    Args:
        old: from `Store.identity_until`.
        new: of the other data set.
    """
    texts = [*_modalities(old, new), *_extent(old, new), *_places(old, new), *_attributes(old, new)]
    texts += [said for name in _common(old, new) for said in _modality(name, old, new)]
    if not texts:
        texts += [f"the scaler of {name} differs" for name in _common(old, new) if _of(old, new, name, "scaler")]
    return texts or [f"{key} differs" for key in old if key != "fingerprint" and old[key] != new.get(key)]


def _modalities(old: Identity, new: Identity) -> Iterator[str]:
    removed, added = _removed_and_added(list(old["modalities"]), list(new["modalities"]))
    if removed:
        yield f"modalities {_listed(removed)} removed"
    if added:
        yield f"modalities {_listed(added)} added"


def _extent(old: Identity, new: Identity) -> Iterator[str]:
    (first, last), (new_first, new_last) = ((_day(data, 0), _day(data, data["n_days"] - 1)) for data in (old, new))
    if first != new_first:
        yield f"the days begin on {new_first} instead of {first}"
    if last != new_last:
        yield f"the days end on {new_last} instead of {last}"
    train = [data["periods"]["train"] for data in (old, new)]
    if train[0] != train[1]:
        then, now = (" to ".join(period) if period else "none" for period in train)
        yield f"the training period is {now} instead of {then}"


def _places(old: Identity, new: Identity) -> Iterator[str]:
    if _grid(old) != _grid(new):
        yield f"the grid is {_grid(new)} instead of {_grid(old)}"
    elif any(old["hashes"].get(file) != new["hashes"].get(file) for file in _LAND):
        yield "the land differs"
    removed, added = _removed_and_added(old["station_ids"], new["station_ids"])
    if removed:
        yield f"stations {_listed(removed)} removed"
    if added:
        yield f"stations {_listed(added)} added"
    if not removed and not added and old["station_ids"] != new["station_ids"]:
        yield "the stations are in another order"
    if old["station_ids"] == new["station_ids"] and old["areas"] != new["areas"]:
        areas = [d["areas"] or [None] * len(d["station_ids"]) for d in (old, new)]
        changed = [s for s, then, now in zip(old["station_ids"], *areas, strict=True) if then != now]
        yield f"the catchment area of {_listed(changed)} differs"


def _attributes(old: Identity, new: Identity) -> Iterator[str]:
    removed, added = _removed_and_added(old["attribute_names"], new["attribute_names"])
    if removed:
        yield f"attributes {_listed(removed)} removed"
    if added:
        yield f"attributes {_listed(added)} added"
    if not removed and not added and old["attribute_names"] != new["attribute_names"]:
        yield "the attributes are in another order"
    if old["station_ids"] == new["station_ids"]:
        common = [name for name in old["attributes"] if name in new["attributes"]]
        changed = [name for name in common if old["attributes"][name] != new["attributes"][name]]
        if changed:
            yield f"the values of {_listed(changed)} differ"


def _modality(name: str, old: Identity, new: Identity) -> Iterator[str]:
    for key in ("kind", "units", "long_name", "standard_name", "dtype"):
        if values := _of(old, new, name, key):
            yield f"{name} has {key} {values[1]} instead of {values[0]}"
    if scalers := _of(old, new, name, "scaler"):
        then, now = (scaler["transform"] for scaler in scalers)
        if then != now:
            yield f"the scaling of {name} is {now} instead of {then}"
    # Otherwise no block can be the same.
    if _layout(name, old) == _layout(name, new):
        yield from _blocks(name, old, new)


def _layout(name: str, data: Identity) -> list[Any]:
    """What the bytes of a block depend on besides the values."""
    modality = data["modalities"][name]
    places = data["station_ids"] if modality["kind"] == "series" else [data["hashes"].get(file) for file in _LAND]
    return [data["first_day"], data["block_days"], modality["dtype"], modality["kind"], places]


def _blocks(name: str, old: Identity, new: Identity) -> Iterator[str]:
    """Where the values of a modality differ first, as far as both data sets have the days."""
    size = old["block_days"]
    hashes = [data["modalities"][name]["hashes"] for data in (old, new)]
    # A last block that is cut on another day has another hash whatever it holds.
    both = len(hashes[0]) if old["n_days"] == new["n_days"] else min(old["n_days"], new["n_days"]) // size
    changed = [i for i in range(both) if hashes[0][i] != hashes[1][i]]
    if changed:
        first, last = changed[0] * size, min((changed[0] + 1) * size, old["n_days"]) - 1
        days = f"{_day(old, first)} to {_day(old, last)}"
        more = f" and {len(changed) - 1} later blocks of {size} days" if len(changed) > 1 else ""
        yield f"{name} differs in the days {days}{more}"


def _common(old: Identity, new: Identity) -> list[str]:
    return [name for name in old["modalities"] if name in new["modalities"]]


def _of(old: Identity, new: Identity, name: str, key: str) -> tuple[Any, Any] | None:
    then, now = old["modalities"][name][key], new["modalities"][name][key]
    return None if then == now else (then, now)


def _removed_and_added(old: Sequence[str], new: Sequence[str]) -> tuple[list[str], list[str]]:
    before, after = set(old), set(new)
    return [name for name in old if name not in after], [name for name in new if name not in before]


def _day(data: Identity, position: int) -> date:
    return date.fromisoformat(data["first_day"]) + timedelta(days=position)


def _grid(data: Identity) -> str:
    cells = " x ".join(map(str, data["shape"] or (0, 0)))
    return f"{cells} cells in patches of {data['patch_size']}"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
