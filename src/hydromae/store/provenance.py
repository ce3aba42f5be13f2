"""What a store was made from, and whether an existing one can be used or must be replaced."""

import logging
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from hydromae.base.addresses import AddressPath, address_of, path_under
from hydromae.base.errors import DataError
from hydromae.base.files import sha256
from hydromae.base.json_text import digest
from hydromae.base.secret_values import concealed, revealed
from hydromae.config import Config, DataConfig, Period
from hydromae.config.grid import GridConfig
from hydromae.config.renamed import current_key
from hydromae.readers.detect import locate
from hydromae.readers.files import place_of, require_file
from hydromae.readers.zarr_places import zarr_documents, zarr_files
from hydromae.sources.exclusions import spans_within
from hydromae.store.description import FORMAT, SourceFile
from hydromae.store.store import Store

logger = logging.getLogger(__name__)

_SHOWN = 4
# Keys of a modality that older stores do not have; null is what these did.
_LATER_KEYS = ("reader", "layout", "convert_from", "daily", "day_start", "stamped", "calendar", "align_on", "engine")
_HASHED_SIZE = 64 * 2**20  # larger sources are compared by size and time, as hashing would cost a second reading


def options_of(config: Config) -> dict[str, Any]:
    """What a store depends on besides its files; where they lie and how windows are cut from it do not matter."""
    data, model = config.data, config.model
    unused = {"root", "store", "cache", "dask", "verify"}
    unused |= {"exclude_dates", "fill"}  # the data's own; each modality's do matter
    unused |= {"window", "window_mix", "stride", "stations_per_window", "context_stations", "train_stations"}
    unused |= {"event_share", "event_modality"}
    # An option that changes nothing is left out, so that a store made before the option existed stays valid.
    unused |= {"station_order"} if data.station_order == "given" else set()
    unused |= {"aggregate"} if data.aggregate is None else set()
    unused |= {"grid"} if data.grid == GridConfig() else set()
    options = data.model_dump(mode="json", exclude=unused)
    if any(settings.kind == "grid" for settings in data.modalities.values()):
        options["patch_size"] = model.patch_size
    for settings in options["modalities"].values():
        for key in _LATER_KEYS:
            if settings[key] is None:
                del settings[key]
        # A list, since the order of the sources matters; their names do not.
        settings["sources"] = [_given(source) for source in settings["sources"].values()]
        if not settings["sources"]:
            del settings["sources"]
    if options["attributes"]["crs"] is None:
        del options["attributes"]["crs"]
    options = concealed(options)
    return options if data.station_order == "given" else {**options, "vector_patch_size": model.series_patch_size}


def _given(source: dict[str, Any]) -> dict[str, Any]:
    """The settings in which a source differs from its modality, so that keys of later versions change nothing."""
    return {key: value for key, value in source.items() if value is not None and (key, value) != ("id_prefix", "")}


def source_files(config: Config) -> tuple[SourceFile, ...]:
    """Every file the configuration names, in folders and by patterns too: size, time and (up to 64 MiB) hash.

    Raises:
        ConfigError: it names a reader that does not exist.
        DataError: a file is absent, or of no known format.
    """
    data = config.data
    named = [
        (name, file)
        for name, settings in data.modalities.items()
        for part in settings.parts(name).items()
        for located in locate(*part, Path(data.root))
        for file in located.files
    ]
    named += [("attributes", data.attributes.path)] if data.attributes.path else []
    if data.land_mask:
        inside = zarr_files(path_under(data.root, data.land_mask))
        mask = Path(data.land_mask)
        within = [str(mask / file.relative_to(Path(data.root) / mask)) for file in inside]
        named += [("land_mask", path) for path in within or [data.land_mask]]
    hashes: dict[str, str | None] = {}
    files = []
    for role, given in named:
        if address_of(given):
            files.append(_at_address(role, given))
            continue
        path = require_file(Path(data.root) / given, relative=not Path(given).is_absolute())
        stat = path.stat()
        if given not in hashes:
            hashes[given] = sha256(path) if stat.st_size < _HASHED_SIZE else None
        named_as = concealed(given)
        file = SourceFile(role=role, path=named_as, size=stat.st_size, mtime_ns=stat.st_mtime_ns, sha256=hashes[given])
        files.append(file)
    return tuple(files)


def _at_address(role: str, given: str) -> SourceFile:
    """A file at an address by its content, which was copied; a Zarr group by its metadata, which say what it holds."""
    path = place_of("", given)
    if not isinstance(path, AddressPath):
        return SourceFile(role=role, path=concealed(given), size=path.stat().st_size, mtime_ns=0, sha256=sha256(path))
    documents = zarr_documents(path)
    size = sum(len(text) for text in documents.values())
    said = digest({key: text.decode() for key, text in sorted(documents.items())})
    return SourceFile(role=role, path=concealed(given), size=size, mtime_ns=0, sha256=said)


def package_version() -> str:
    """The version of this package."""
    try:
        return version("hydromae")
    except PackageNotFoundError:  # run from a source tree that is not installed
        return "unknown"


def key_of(options: dict[str, Any], sources: tuple[SourceFile, ...], appended_to: str = "") -> str:
    """12 hexadecimal digits of what a store is made from: options, files, version, the store that it continues."""
    files = [(file.role, file.path, file.size, file.sha256 or file.mtime_ns) for file in sources]
    return digest({"made": [FORMAT, package_version(), appended_to], "options": options, "files": files})[:12]


def store_of(path: Path, options: dict[str, Any]) -> Store | None:
    """The store at `path` if it was made from these options, whether or not its files exist; else None."""
    if not (path / "store.json").is_file():
        return None
    store = Store.open(path)
    return None if differing_keys(store.provenance.options, options) else store


def existing_store(path: Path, options: dict[str, Any], sources: tuple[SourceFile, ...]) -> Store | None:
    """The store at `path` if it was made from these options and files; None if there is no store.

    Raises:
        DataError: it was made from other options or files, or is damaged.
    """
    if not (path / "store.json").is_file():
        return None
    store = Store.open(path)
    made = store.provenance
    if keys := differing_keys(made.options, options):
        reason = f"other options ({', '.join(keys)})"
    elif changed := changed_files(made.sources, sources):
        reason = f"files that have changed since ({', '.join(changed)})"
    elif removed := sorted({file.path for file in made.sources} - {file.path for file in sources}):
        reason = f"files that are not among those of the configuration any more ({', '.join(removed)})"
    else:
        return store
    raise DataError(
        f"{path}: is a store made from {reason}; replace it with `hydromae prepare --overwrite` (overwrite=True), "
        f"add the days after its last one with --append (append=True), or choose another data.store"
    )


def differing_keys(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Configuration keys, as data.train, in which two sets of options differ."""
    sections = {key: "data" if key.split(".")[0] in DataConfig.model_fields else "model" for key in _unlike(old, new)}
    return [current_key(f"{section}.{key}") for key, section in sections.items()]


def _unlike(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    keys: list[str] = []
    for key in dict.fromkeys((*old, *new)):
        old_value, new_value = old.get(key), new.get(key)
        if isinstance(old_value, dict) and isinstance(new_value, dict):
            keys += [f"{key}.{inner}" for inner in _unlike(old_value, new_value)]
        elif old_value != new_value:
            keys.append(key)
    return keys


def changed_files(old: tuple[SourceFile, ...], new: tuple[SourceFile, ...]) -> list[str]:
    """Paths of the new files that are not among the old ones, or not as they were."""
    old_files = {(file.role, file.path): file for file in old}
    return list(dict.fromkeys(file.path for file in new if not _same(old_files.get((file.role, file.path)), file)))


def _same(old: SourceFile | None, new: SourceFile) -> bool:
    if old is None or old.size != new.size:
        return False
    return old.sha256 == new.sha256 if new.sha256 is not None else old.mtime_ns == new.mtime_ns


def changed_sources(store: Store, root: Path | None = None) -> list[str]:
    """How the files that a store was made from have changed since, a sentence each; empty where they have not.

    Files that were hashed are compared by content, larger ones by size and time.

    Args:
        store: the store.
        root: folder that the files' paths are relative to; None is where they were.
    """
    folder = Path(root if root is not None else revealed(store.provenance.root))
    if not folder.is_dir():
        return [
            f"{folder}: is no folder, so the sources of {store.path} cannot be compared; give the folder they are in"
        ]
    files = {revealed(file.path): file for file in store.provenance.sources}
    return [
        f"{folder / path}: {change}"
        for path, file in files.items()
        if (change := _change(folder / path, file)) is not None and not address_of(path)
    ]


def _change(path: Path, file: SourceFile) -> str | None:
    try:
        stat = path.stat()
        if not path.is_file():
            return "is no file any more"
        if stat.st_size != file.size:
            return f"has {stat.st_size} bytes now, and had {file.size} when the store was made of it"
        if file.sha256 is None:
            other = stat.st_mtime_ns != file.mtime_ns
            return "was written to since the store was made of it, or copied (its time differs)" if other else None
        return None if sha256(path) == file.sha256 else "has another content than when the store was made of it"
    except FileNotFoundError:
        return "is absent"
    except OSError as error:
        return f"cannot be read ({error.strerror})"


def fitted_without(config: Config) -> tuple[Period, ...]:
    """The training days that scalers are to be fitted without, since `data.exclude_dates` declares them wrong."""
    return () if config.data.train is None else spans_within(config.data.exclude_dates, config.data.train)


def declared(store: Store, config: Config) -> Store:
    """The store with the days that a configuration declares wrong; warns where its scalers were fitted on others."""
    now, then = fitted_without(config), store.provenance.fitted_without
    if now != then:
        logger.warning(
            "%s: its scalers and means were fitted without %s of the training days, while data.exclude_dates names %s; "
            "they are kept: `hydromae prepare --overwrite` fits them anew, and runs on this store are then to be "
            "trained anew",
            store.path,
            _listed(then),
            _listed(now),
        )
    return store.with_excluded(config.data.exclude_dates).with_checking(config.data.verify)


def _listed(spans: tuple[Period, ...]) -> str:
    texts = [str(first) if first == last else f"{first} to {last}" for first, last in spans[:_SHOWN]]
    more = f" and {len(spans) - _SHOWN} more spans" if len(spans) > _SHOWN else ""
    return f"{', '.join(texts)}{more}" if spans else "none"


def refuse_other_content(path: Path) -> None:
    """Raise DataError unless `path` is a store, an empty folder or nothing: only those are ever replaced."""
    if not path.exists() or (path / "store.json").is_file() or (path.is_dir() and not any(path.iterdir())):
        return
    raise DataError(f"{path}: is there already and is not a store; choose another data.store or remove it")
