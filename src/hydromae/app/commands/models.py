"""The command that lists the models that come with the package."""

from hydromae.app.commands.options import AsJson


def models(as_json: AsJson = False) -> None:
    """List the trained models that come with hydromae; their names stand for a run in other commands.

    Example: `hydromae models`, then `hydromae forecast gb --data my_gauges`
    """
    from rich.table import Table

    from hydromae.app.console import print_table
    from hydromae.runs.pretrained import WEIGHTS, read_pretrained
    from hydromae.runs.shipped import FOLDER, shipped_models

    table = Table("model", "modalities", "trained on", "stations", "MB", "card")
    for name in shipped_models():
        model = read_pretrained(name)
        size = (model.folder / WEIGHTS).stat().st_size / 1e6
        period = " to ".join(model.trained_on["period"])
        modalities = ", ".join(model.config.modalities)
        card = str(FOLDER / name / "README.md")
        table.add_row(name, modalities, period, str(len(model.trained_on["stations"])), f"{size:.1f}", card)
    print_table(table, as_json)
