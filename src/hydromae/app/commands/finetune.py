"""The command that trains a run further for its tasks."""

from pathlib import Path
from typing import Annotated

import typer

from hydromae.app.commands.options import Overrides, Run, titled


def finetune(
    run: Run,
    overrides: Overrides = None,
    task: Annotated[
        str, typer.Option(help="forecast, infill, ungauged, or several of them.", metavar="A,B,...")
    ] = "forecast",
    data: Annotated[
        Path | None,
        typer.Option(
            help="Other data of series: a folder, a configuration (.yaml) or a store. RUN goes on reading them on its "
            "scales; what it gained is measured on a part that is held out."
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="New run directory; default: beside RUN, named after it and the tasks."),
    ] = None,
    from_scratch: Annotated[
        bool,
        typer.Option("--from-scratch", help="Begin with new weights, all else the same, to see what RUN's are worth."),
    ] = False,
) -> None:
    """Train a run's model further on the masks of tasks: one checkpoint for one of them, or for all.

    forecast hides the future, infill hides gaps and spans of days, and ungauged hides the whole flow of stations
    whose weather stays visible; several tasks take turns. The rest is as in RUN, but for 0.3 times its learning rate,
    half its epochs, and an end after 3 epochs without a lower validation loss; RUN's own weights count as the first.

    Example: `hydromae finetune output/gb_small --task forecast`

    The model that comes with hydromae, on gauges of one's own: `hydromae finetune gb --data my_gauges -o output/mine`,
    then `hydromae forecast output/mine --data my_gauges`

    One model for all three: `hydromae finetune output/gb_small --task forecast,infill,ungauged -o output/gb_tasks`

    With quantiles, for longer: `hydromae finetune output/gb_small --task forecast
    model.quantiles=[0.05,0.25,0.5,0.75,0.95] training.epochs=8 training.lr=2e-4`

    Forecasts twice as often as infill: `hydromae finetune output/gb_small --task forecast,infill
    masking.strategies.forecast=2`
    """
    from hydromae.app.commands.runs import after_training
    from hydromae.app.console import Stages, console
    from hydromae.app.folder_data import data_in
    from hydromae.runs.directory import RunDirectory
    from hydromae.training.callback import Beginning, Callback
    from hydromae.training.finetune import finetune as finetune_run
    from hydromae.training.finetune import finetune_config
    from hydromae.training.gain import Gain
    from hydromae.training.runs import is_finished

    given = overrides or ()
    config = finetune_config(RunDirectory.open(run), task, given, output, from_scratch)
    console.quiet = config.logging.console == "quiet"

    class ShowStart(Callback):
        def on_start(self, beginning: Beginning) -> None:
            if beginning.start is not None:
                console.print(beginning.start.table())

    gain = Gain()
    with Stages(config.logging) as stages:
        tuned = finetune_run(
            run,
            task,
            given,
            output,
            data=data_in(data, titled(stages.stage, "Preparing")),
            from_scratch=from_scratch,
            callbacks=[ShowStart(), gain, stages],
            on_progress=titled(stages.stage, "Preparing the store"),
        )
    if is_finished(tuned) and (sentence := gain.sentence()) is not None:
        console.print(sentence, soft_wrap=True)
    after_training(tuned)
