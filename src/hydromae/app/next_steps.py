"""The commands that go on from what a command wrote: each is a line that runs when it is pasted into a shell."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hydromae.base.shell import command

if TYPE_CHECKING:
    from hydromae.config import Config, Period
    from hydromae.runs.directory import RunDirectory

_HORIZON: Final = 7  # days; what `hydromae forecast` and `hydromae evaluate` take
_FEWEST_ISSUES: Final = 10  # below which a score says nothing


def said(words: str, commands: Sequence[str]) -> str:
    """Words, and the commands below them; only the words where there is no command."""
    return "\n".join((f"{words} Next:", *(f"  {line}" for line in commands))) if commands else words


def after_init(config: Path, to_do: Sequence[str]) -> str:
    """What `hydromae init` says last, with the keys that no file tells."""
    words = f"Set {', '.join(to_do)} in it." if to_do else "Read it."
    return said(f"Written: {config}. {words}", [command("check", config)])


def before_training(path: Path, config: "Config", overrides: Sequence[str]) -> list[str]:
    """The training of a configuration with the same changes; nothing where it is over or has no period."""
    from hydromae.runs.directory import RunDirectory

    if config.data.train is None or RunDirectory(config.output_path).config_file.exists():
        return []
    return [command("train", path, *overrides)]


def after_training(run: "RunDirectory") -> list[str]:
    """What a finished run can be asked: what its masks have trained it for, and its page."""
    config = run.config()
    masks = {str(name) for name, weight in config.masking.strategies.items() if weight}
    commands = []
    if masks & {"forecast", "rolling_forecast"}:
        commands += _of_forecasts(run, config)
    elif config.data.val or config.data.test:
        commands.append(command("reconstruct", run.path))
    else:
        commands.append(command("reconstruct", run.path, "--split", "train"))
    if "gap" in masks and (split := _scored(config)):
        commands.append(command("evaluate", run.path, "--task", "infill", "--split", split[0]))
    return [*commands, command("report", run.path)]


def _of_forecasts(run: "RunDirectory", config: "Config") -> list[str]:
    from hydromae.tasks.enough_pairs import days_between_issues

    horizon = min(_HORIZON, config.masking.horizon)
    shorter = () if horizon == _HORIZON else ("--horizon", horizon)
    commands = [command("forecast", run.path, *shorter, "-o", run.path / "forecast.nc")]
    if (scored := _scored(config)) is None:
        return commands
    split, (first, last) = scored
    issues = (last - first).days - horizon + 1
    if issues >= _FEWEST_ISSUES:
        every = days_between_issues((first, last), horizon)
        # A record with gaps has fewer days than the period.
        few = ("--min-pairs", issues // 2) if issues // every < 100 else ()
        spaced = ("--every", every, *shorter, *few)
        commands.append(command("evaluate", run.path, "--task", "forecast", "--split", split, *spaced))
    return commands


def _scored(config: "Config") -> "tuple[str, Period] | None":
    """The period that no training looked at; else the one that chose the weights."""
    periods = {"test": config.data.test, "val": config.data.val}
    return next(((name, period) for name, period in periods.items() if period is not None), None)
