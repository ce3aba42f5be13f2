"""The command that lists the models that come with the package."""

from typing import Final

from hydromae.app.commands.options import AsJson

_TASKS: Final = {"forecast": "forecasts", "rolling_forecast": "forecasts", "gap": "gaps", "modality": "ungauged rivers"}


def models(as_json: AsJson = False) -> None:
    """List the trained models that come with hydromae; their names stand for a run in other commands.

    Example: `hydromae models`, then `hydromae forecast gb --data my_gauges`
    """
    from rich.table import Table

    from hydromae.app.console import print_table
    from hydromae.runs.directory import RunDirectory
    from hydromae.runs.pretrained import WEIGHTS, read_pretrained
    from hydromae.runs.shipped import FOLDER, shipped_models

    table = Table("model", "for", "modalities", "trained on", "stations", "MB", "card")
    for name in shipped_models():
        model = read_pretrained(name)
        size = (model.folder / WEIGHTS).stat().st_size / 1e6
        period = " to ".join(model.trained_on["period"])
        modalities = ", ".join(model.config.modalities)
        card = str(FOLDER / name / "README.md")
        strategies = RunDirectory.open(name).config().masking.strategies
        tasks = ", ".join(dict.fromkeys(_TASKS[strategy] for strategy in strategies if strategy in _TASKS))
        table.add_row(name, tasks, modalities, period, str(len(model.trained_on["stations"])), f"{size:.1f}", card)
    print_table(table, as_json)
