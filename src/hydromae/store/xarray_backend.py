"""A store as an engine of xarray: `xr.open_dataset(store, engine="hydromae")`.

xarray imports this module whenever it looks for engines, so that nothing heavy is imported before a store is opened.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

import xarray as xr
from xarray.backends import BackendEntrypoint


class HydromaeBackend(BackendEntrypoint):
    """Opens the directory of a store, as `hydromae.open_store` does."""

    description = "Open stores that hydromae has prepared"
    open_dataset_parameters: ClassVar[Any] = ("filename_or_obj", "drop_variables")

    def open_dataset(  # type: ignore[override]  # xarray calls it with names only, and with no others than these
        self, filename_or_obj: str | os.PathLike[Any], *, drop_variables: str | Iterable[str] | None = None
    ) -> xr.Dataset:
        """The data set of a store.

        Args:
            filename_or_obj: the store's directory.
            drop_variables: names of variables to leave out.

        Raises:
            DataError: as for `open_store`.
        """
        from hydromae.store.view import open_store

        left_out = [drop_variables] if isinstance(drop_variables, str) else list(drop_variables or ())
        return open_store(Path(filename_or_obj)).drop_vars(left_out, errors="ignore")

    def guess_can_open(self, filename_or_obj: Any) -> bool:
        """Whether it is a store, so that `engine` need not be named."""
        return isinstance(filename_or_obj, str | os.PathLike) and (Path(filename_or_obj) / "store.json").is_file()
