"""Everything that the page asks for, from questions to JSON."""

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from hydromae.base.errors import HydroMAEError
from hydromae.drawing.packing import pack, squeeze
from hydromae.serve.cautions import cautions
from hydromae.serve.grids import GridPictures
from hydromae.serve.painted import Reply, reply
from hydromae.serve.question import Question
from hydromae.serve.replies import described
from hydromae.serve.served import Served
from hydromae.tasks.asked_run import history_days

BARE_HISTORY: Final = 182  # days up to the chosen one that are shown where there is no model


class Answers:
    """Answers questions about what is served."""

    def __init__(self, served: Served) -> None:
        self.served = served
        self._pictures = GridPictures(served.store) if served.grids else None

    def answer(self, question: Question, between_calls: Callable[[], None] = lambda: None) -> dict[str, Any]:
        """What was observed, and what each run says.

        Args:
            question: that was checked.
            between_calls: called before each call of a model; may raise to stop.

        Returns:
            For JSON: the question's number, station and day; `series`, the observed values of a window; `runs`, the
            reply of each, or the sentence that says why it has none; `grid`, packed, where one is asked for.

        Raises:
            ConfigError: the horizon is too long for the first run.
        """
        served, store = self.served, self.served.store
        issue = int((np.datetime64(question.day, "D") - store.first_day).astype(int))
        history = BARE_HISTORY
        if served.runs:
            history = history_days(served.runs[0].predictor, question.horizon)
        first, days = issue - history + 1, history + question.horizon
        runs: list[dict[str, Any]] = []
        painted: Reply | None = None
        for run in served.runs:
            between_calls()
            try:
                made = reply(run, question)
            except HydroMAEError as error:
                runs.append({"label": run.label, "error": str(error)})
                continue
            if run is served.runs[0]:
                painted = made
            said = cautions(run, question)
            runs.append({**described(run.label, run.predictor.quantiles, made), "said": said})
        picture = None
        if question.grid is not None and self._pictures is not None:
            patches = None if painted is None else painted.patches
            numbers = None if patches is None else served.runs[0].predictor.model.valid_patches.cpu().numpy()
            picture = self._pictures.picture(question.grid, issue, question.hidden_patches, patches, numbers)
        return {
            "number": question.number,
            "station": question.station,
            "day": int(np.datetime64(question.day, "D").astype(np.int64)),
            "horizon": question.horizon,
            "after": question.after,
            "predicted": question.series or served.predicted[0],
            "first": int((store.first_day + first).astype(np.int64)),
            "series": {name: served.read(name, question.station, first, days).tolist() for name in served.series},
            "runs": runs,
            "grid": picture,
        }

    def record(self, station: str, name: str) -> str:
        """The whole record of a series at a station, packed; values are rounded to about 1 % of their range."""
        served = self.served
        values = served.read(name, station, 0, served.store.n_days).astype(np.float64)
        finite = values[np.isfinite(values)]
        low = float(finite.min()) if finite.size else 0.0
        scale = max(float(finite.max()) - low, 1e-12) if finite.size else 1.0
        packed = squeeze(values, np.array(low), np.array(scale), bits=10)
        return pack({"station": station, "series": name, "offset": low, "scale": scale}, {"values": packed})
