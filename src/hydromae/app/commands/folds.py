"""The command that makes spatial folds."""

from pathlib import Path
from typing import Annotated

import typer

from hydromae.app.commands.options import OverwriteOwn


def folds(
    store: Annotated[Path, typer.Argument(help="Store, the output of `hydromae prepare`.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="CSV file of the folds.")] = Path("folds.csv"),
    count: Annotated[int, typer.Option(help="Folds.", min=2)] = 5,
    apart: Annotated[float, typer.Option(help="Stations closer than this are in one fold, km.", min=0)] = 10.0,
    config: Annotated[
        Path | None,
        typer.Option(help="Also write, beside the CSV, a configuration for each fold that extends this one."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the random order in which stations are dealt to folds.")] = 0,
    overwrite: OverwriteOwn = False,
) -> None:
    """Split the stations into folds that keep nested and neighbouring stations together.

    With --config, `hydromae train my_fold0.yaml` then trains without the stations of fold 0.

    Example: `hydromae data folds stores/my -o folds.csv --config my.yaml`
    """
    from hydromae.app.console import console
    from hydromae.folds.configs import fold_config, folds_of_store, write_folds
    from hydromae.results.target import CONFIGURATIONS, check_target
    from hydromae.store.store import Store

    check_target(output, overwrite, [store], (".csv",))
    if config is not None:
        for fold in range(count):
            check_target(fold_config(config, output.parent, fold), overwrite, [config], CONFIGURATIONS)
    made = folds_of_store(Store.open(store), count, apart, seed)
    written = write_folds(made, output, config, overwrite)
    for fold in range(made.count):
        nearest = made.table.loc[made.table["fold"] == fold, "nearest_training_km"]
        console.print(
            f"fold {fold}: {len(nearest)} stations, the nearest of another fold {nearest.min():.1f} km away, "
            f"median {nearest.median():.1f} km"
        )
    for path in written:
        console.print(f"Written: {path}", soft_wrap=True)
