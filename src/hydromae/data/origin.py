"""What a store was made from, and whether one that is there can be used or must be replaced."""

import shutil
from pathlib import Path
from typing import Any

from hydromae.config import Config, DataConfig
from hydromae.data.readers.detect import locate
from hydromae.data.readers.files import require_file
from hydromae.data.store import Store
from hydromae.data.store_description import SourceFile
from hydromae.errors import DataError
from hydromae.files import sha256

_HASHED_SIZE = 64 * 2**20  # larger sources are told apart by size and time, as hashing them would cost a second reading


def options_of(config: Config) -> dict[str, Any]:
    """What a store depends on beside its files; where they lie and how windows are cut do not matter."""
    data, model = config.data, config.model
    unused = {"root", "store", "window", "stride"}
    # An option that changes nothing is left out, so that a store made before there was such an option stays valid.
    unused |= {"station_order"} if data.station_order == "given" else set()
    unused |= {"aggregate"} if data.aggregate is None else set()
    options = {**data.model_dump(mode="json", exclude=unused), "patch_size": model.patch_size}
    for settings in options["modalities"].values():
        if settings["reader"] is None:
            del settings["reader"]
    return options if data.station_order == "given" else {**options, "vector_patch_size": model.vector_patch_size}


def source_files(config: Config) -> tuple[SourceFile, ...]:
    """Every file the configuration names, in folders and by patterns too: size, time and (up to 64 MiB) hash.

    Raises:
        ConfigError: it names a reader that is none.
        DataError: one is absent, or of no known format.
    """
    data = config.data
    named = [
        (name, file)
        for name, settings in data.modalities.items()
        for located in locate(name, settings, Path(data.root))
        for file in located.files
    ]
    named += [("attributes", data.attributes.path)] if data.attributes.path else []
    named += [("land_mask", data.land_mask)] if data.land_mask else []
    hashes: dict[str, str | None] = {}
    files = []
    for role, given in named:
        path = require_file(Path(data.root) / given)
        stat = path.stat()
        if given not in hashes:
            hashes[given] = sha256(path) if stat.st_size < _HASHED_SIZE else None
        file = SourceFile(role=role, path=given, size=stat.st_size, mtime_ns=stat.st_mtime_ns, sha256=hashes[given])
        files.append(file)
    return tuple(files)


def existing_store(path: Path, options: dict[str, Any], sources: tuple[SourceFile, ...]) -> Store | None:
    """The store at `path` if it was made from these options and files; None if there is nothing.

    Raises:
        DataError: it was made from others, or is damaged.
    """
    if not (path / "store.json").is_file():
        return None
    store = Store.open(path)
    made = store.provenance
    known = {(file.role, file.path): file for file in made.sources}
    if made.options != options:
        differing = [key for key in {**made.options, **options} if made.options.get(key) != options.get(key)]
        keys = [f"{'data' if key in DataConfig.model_fields else 'model'}.{key}" for key in differing]
        reason = f"other options ({', '.join(keys)})"
    elif changed := [file.path for file in sources if not _same(known.get((file.role, file.path)), file)]:
        reason = f"files that have changed since ({', '.join(dict.fromkeys(changed))})"
    else:
        return store
    raise DataError(
        f"{path}: is a store made from {reason}; "
        f"replace it with `hydromae prepare --overwrite` (overwrite=True) or choose another data.store"
    )


def _same(old: SourceFile | None, new: SourceFile) -> bool:
    if old is None or old.size != new.size:
        return False
    return old.sha256 == new.sha256 if new.sha256 is not None else old.mtime_ns == new.mtime_ns


def refuse_other_content(path: Path) -> None:
    """Raise DataError unless `path` is a store, an empty folder or nothing: only those are ever replaced."""
    if not path.exists() or (path / "store.json").is_file() or (path.is_dir() and not any(path.iterdir())):
        return
    raise DataError(f"{path}: is there already and is not a store; choose another data.store or remove it")


def exchange(fresh: Path, path: Path) -> None:
    """Put the directory `fresh` in the place of `path`, which is put back should that fail."""
    retired = path.with_name(f".{path.name}.retired")
    shutil.rmtree(retired, ignore_errors=True)
    path.rename(retired)
    try:
        fresh.rename(path)
    except OSError:
        retired.rename(path)
        raise
    shutil.rmtree(retired, ignore_errors=True)
