"""What a model makes of data: the tokens of its encoders, or of their fusion, and which attend to which."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Final

import numpy as np
import torch
import xarray as xr
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor

from hydromae.base.errors import ConfigError
from hydromae.base.given import Names, Span, as_names
from hydromae.base.memory import machine_memory
from hydromae.base.version import VERSION
from hydromae.batch.batch import Batch
from hydromae.masks.tasks import ValueMask
from hydromae.models.watched_attention import watched_attention
from hydromae.prediction.choices import excluded_days, predicted_stations
from hydromae.prediction.predictor import Predictor
from hydromae.prediction.several_runs import notes_of, open_runs, shared_days
from hydromae.store.store import Store

ALL_STATIONS: Final = "all stations"
_MOST: Final = 0.5  # of the machine's memory, for attention weights


def embed(
    run: str | Path,
    period: Span | None = None,
    *,
    data: str | Path | Store | None = None,
    stations: Names | None = None,
    modalities: Names | None = None,
    fused: bool = False,
    attention: bool = False,
    device: str = "auto",
    on_progress: Callable[[float], None] = lambda done: None,
) -> xr.Dataset:
    """The vectors that a model makes of what was observed: one for each token that holds any value. Nothing is masked.

    The period is cut into windows of the run's length, the last one shorter; a token is encoded with the others of its
    window, so its vector depends on where the window begins (`window`). Values on the run's `data.exclude_dates` are
    not seen.

    Args:
        run: run directory.
        period: first and last day; None is all days of the data.
        data: other data than the run's: a store or a configuration.
        stations: ids; None is all that the run can read in the data. Where a token holds several stations, it is given
            if one of them is named.
        modalities: whose tokens are given; None is all that attention reads.
        fused: give the tokens after fusion, in which the modalities have seen each other, not those of the encoders.
        attention: also give the weights of the layers of fusion, for a period within one window and, where each station
            has a window of its own, one station. The tokens are then fused ones.
        device: auto, cpu or cuda.
        on_progress: called with the share that is done.

    Returns:
        `embedding` [token, feature], float32, with coordinates of the tokens: `modality`; `place`, the station's id (of
        several in a token, separated by commas) or the row-major number of a grid's patch; `day`, the token's first
        day; `window`, the first day of its window. A series has one more token in each window, of the stations'
        attributes: its `day` is NaT, and its `place` is "all stations" where a window holds all. Where each station has
        a window of its own, its neighbours' tokens are left out, and the tokens of grids are given once; fused ones
        differ from station to station, and are given of grids only where one station is asked about.

        With `attention`, `attention` [layer, head, token, key]: what each token takes from every token of the window,
        which adds up to 1; `key_modality`, `key_place` and `key_day` say which these are, neighbours included.

    Raises:
        RunError: the run, its data or its model cannot be used.
        ConfigError: the period, a modality or a combination cannot be used, or the weights do not fit into memory.
        DataError: a station is unknown.
    """
    (predictor,) = open_runs(run, data, device)
    fused = fused or attention
    names = _names(predictor, modalities, fused, attention)
    days = shared_days([predictor], period)
    chosen = predicted_stations(predictor, stations)
    starts = range(days.start, days.stop, predictor.window)
    if attention and (len(starts) > 1 or (predictor.groups is not None and len(chosen) > 1)):
        own = " and one station" if predictor.groups is not None else ""
        raise ConfigError(
            f"attention is of one window: give a period of {predictor.window} days at most{own}, not of "
            f"{days.stop - days.start} days{f' and {len(chosen)} stations' if own else ''}"
        )
    reading = _Reading(predictor, names, np.array(chosen, dtype=np.int64), fused, attention)
    parts: list[_Tokens] = []
    for i, start in enumerate(starts):
        parts += reading.window(start, min(predictor.window, days.stop - start))
        on_progress((i + 1) / len(starts))
    notes = notes_of([predictor], stations)
    del notes["quantiles"]  # which are of predictions
    result = _data_set(_joined(parts), reading)
    result.attrs = {
        "title": f"{'Fused tokens' if fused else 'Tokens of the encoders'} of {predictor.config.name}",
        "source": f"hydromae {VERSION}",
        "runs": str(predictor.run),
        "data": str(predictor.store.path),
        "window_days": predictor.window,
        **notes,
    }
    return result


@dataclass(frozen=True)
class _Tokens:
    """Some tokens and their vectors.

    Attributes:
        modality: of each, as a word.
        place: as a word.
        day: datetime64[D]; NaT of attributes.
        window: datetime64[D], its first day.
        own: whether it is asked about, not only looked at.
        at: its position in the sequence that fusion reads, of the modality or of all.
        vectors: [n, D].
    """

    modality: Shaped[np.ndarray, " n"]
    place: Shaped[np.ndarray, " n"]
    day: Shaped[np.ndarray, " n"]
    window: Shaped[np.ndarray, " n"]
    own: Bool[np.ndarray, " n"]
    at: Int[np.ndarray, " n"]
    vectors: Float[np.ndarray, "n feature"]

    def of(self, chosen: Bool[np.ndarray, " n"]) -> "_Tokens":
        """Some of them."""
        return _Tokens(*(getattr(self, field.name)[chosen] for field in fields(self)))


def _joined(parts: Sequence[_Tokens]) -> _Tokens:
    return _Tokens(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(_Tokens)))


class _Reading:
    """Reads the tokens of windows.

    Args:
        predictor: the run and its data.
        names: modalities that are given.
        chosen: places of the stations that are given.
        fused: whether fused tokens are.
        attention: whether the weights of fusion are kept.

    Attributes:
        keys: every token of the last window, where attention is asked for.
        weights: [layer, head, token, key] of those that are given to all of them.
    """

    def __init__(
        self, predictor: Predictor, names: Sequence[str], chosen: Int[np.ndarray, " n"], fused: bool, attention: bool
    ) -> None:
        self.predictor, self.model, self.names = predictor, predictor.model, names
        self.chosen, self.fused, self.attention = chosen, fused, attention
        self.wrong = excluded_days(predictor.config, predictor.store)
        self.keys: _Tokens | None = None
        self.weights: np.ndarray | None = None

    def window(self, first: int, length: int) -> Iterator[_Tokens]:
        """The tokens of one window that are asked for, those of some stations at a time."""
        values = self.predictor.read(first, length)
        wrong = torch.from_numpy(self.wrong[first : first + length])
        for value in values.values():
            value[wrong] = torch.nan
        few = self.predictor.groups is not None
        for number, (some, windows) in enumerate(self.predictor.windows(first, values, torch.from_numpy(self.chosen))):
            batch = self.model.with_learned_attributes(self.predictor.batcher.batch(windows, ValueMask({}, {})))
            read = [name for name in batch.tokens if self.model.attended(name) and (self.fused or name in self.names)]
            vectors = self._vectors(read, batch)
            parts = {name: self._tokens(name, batch, part, first, some) for name, part in vectors.items()}
            if self.attention:
                yield self._with_weights(list(parts.values()), [part.shape[1] for part in vectors.values()])
                continue
            for name in self.names:
                grid = self.model.shapes[name].kind == "grid"
                if not (grid and few and (number or (self.fused and len(self.chosen) > 1))):
                    yield parts[name].of(parts[name].own)

    @torch.no_grad()
    def _vectors(self, read: Sequence[str], batch: Batch) -> dict[str, Float[Tensor, "batch n dim"]]:
        """The last feature map of each modality, static tokens included where there are any."""
        encoded = {name: self.model.encode(name, batch) for name in read}
        if not self.fused:
            return {name: part.maps[-1] for name, part in encoded.items()}
        left_out = not self.model.config.fuse_static_tokens
        lengths = [part.maps[-1].shape[1] - left_out * self.model.static_tokens(n) for n, part in encoded.items()]
        if self.attention:
            _require_memory(self.predictor, sum(lengths))
        with watched_attention(self.model.blocks_shared) if self.attention else nullcontext() as seen:
            fused = self.model.fuse(encoded).maps[-1]
        if seen is not None:
            self.weights = torch.stack(seen)[:, 0].float().cpu().numpy()  # [layer, head, query, key]
        return dict(zip(read, torch.split(fused, lengths, dim=1), strict=True))

    def _tokens(
        self, name: str, batch: Batch, vectors: Float[Tensor, "batch n dim"], first: int, some: Int[Tensor, " station"]
    ) -> _Tokens:
        """The tokens of one modality that are no padding: of each sample, in the order of days and places."""
        tokens, shape = batch.tokens[name], batch.tokens[name].shape
        if shape.kind == "grid" and self.predictor.groups is not None:  # the same in every sample
            vectors = vectors[:1]
        size, n = vectors.shape[:2]
        static = n - tokens.visible.index.shape[1]
        index = tokens.visible.index[:size].cpu().numpy()  # [B, n]
        real = np.pad(tokens.visible.real[:size].cpu().numpy(), ((0, 0), (0, static)), constant_values=True)
        slot, place = (np.pad(part, ((0, 0), (0, static))) for part in np.divmod(index, shape.places))
        is_static = np.arange(n) >= n - static  # [n]
        labels, static_labels, own_places = self._places(name, some)
        word = np.where(is_static, static_labels[:, None], np.take_along_axis(labels, place, 1) if labels.size else "")
        begin = self.predictor.store.days[first]
        day = begin + slot * np.timedelta64(shape.days, "D")  # [B, n]
        day[:, is_static] = np.datetime64("NaT")
        order = np.argsort(
            np.where(is_static, shape.tokens(batch.n_days), np.pad(index, ((0, 0), (0, static)))), axis=1
        )
        kept = np.take_along_axis(real, order, 1)

        def listed(values: Shaped[np.ndarray, "batch n"]) -> Shaped[np.ndarray, " kept"]:
            return np.take_along_axis(np.broadcast_to(values, order.shape), order, 1)[kept]

        sorted_vectors = np.take_along_axis(vectors.float().cpu().numpy(), order[..., None], 1)
        return _Tokens(
            listed(np.full((1, 1), name, dtype=object)),
            listed(word),
            listed(day),
            listed(np.full((1, 1), begin)),
            listed(is_static | own_places[place]),
            listed(np.arange(n)[None]),
            sorted_vectors[kept],
        )

    def _places(
        self, name: str, some: Int[Tensor, " station"]
    ) -> tuple[Shaped[np.ndarray, "batch place"], Shaped[np.ndarray, " batch"], Bool[np.ndarray, " place"]]:
        """What the places of tokens are called, and the static token of a sample; which places are asked about."""
        shape, groups = self.model.shapes[name], self.predictor.groups
        if shape.kind == "grid":
            patches = self.model.valid_patches.cpu().numpy().astype(str).astype(object)
            return patches[None], np.array([ALL_STATIONS], dtype=object), np.ones(len(patches), bool)
        ids = np.array(self.predictor.stations, dtype=object)
        if groups is None:
            own = np.isin(np.arange(shape.places), self.chosen // shape.size)
            return _together(ids[None], shape.size), np.array([ALL_STATIONS], dtype=object), own
        stations = some.numpy()
        return _together(ids[groups[stations]], shape.size), ids[stations], np.arange(shape.places) == 0

    def _with_weights(self, parts: Sequence[_Tokens], lengths: Sequence[int]) -> _Tokens:
        """The tokens that are asked for, with the weights from them to all tokens."""
        assert self.weights is not None
        begins = np.cumsum([0, *lengths[:-1]])
        keys = _joined([replace(part, at=part.at + begin) for part, begin in zip(parts, begins, strict=True)])
        given = keys.of(keys.own & np.isin(keys.modality.astype(str), self.names))
        self.keys, self.weights = keys, self.weights[:, :, given.at][..., keys.at]
        return given


def _together(ids: Shaped[np.ndarray, "batch station"], size: int) -> Shaped[np.ndarray, "batch place"]:
    """The stations of each token as one word."""
    if size == 1:
        return ids
    groups = [[",".join(row[i : i + size]) for i in range(0, len(row), size)] for row in ids]
    return np.array(groups, dtype=object)


def _names(predictor: Predictor, modalities: Names | None, fused: bool, attention: bool) -> list[str]:
    """The modalities whose tokens are given, in the order of the model."""
    model = predictor.model
    if model.config.attention == "none":
        raise ConfigError(f"{predictor.run}: has neither encoders nor fusion (model.attention: none), so no vectors")
    if fused and model.config.fusion != "full":
        raise ConfigError(f"{predictor.run}: its modalities are not fused (model.fusion: none); ask for its encoders")
    if attention and not len(model.blocks_shared):
        raise ConfigError(f"{predictor.run}: its fusion has no layers (model.shared_depth: 0), so nothing attends")
    readable = [name for name in model.shapes if model.attended(name)]
    asked = as_names(modalities)
    for name in asked or ():
        if name not in readable:
            raise ConfigError(f"{predictor.run}: has no encoder of {name}; name one of {', '.join(readable)}")
    return [name for name in readable if asked is None or name in asked]


def _require_memory(predictor: Predictor, tokens: int) -> None:
    config = predictor.model.config
    needed = 4 * config.shared_depth * config.nhead * tokens**2
    there = machine_memory(predictor.device)
    if there is not None and needed > _MOST * there:
        raise ConfigError(
            f"the attention of {tokens} tokens needs {needed / 2**30:.1f} GiB, and there are {there / 2**30:.1f}; "
            f"give a shorter period"
        )


def _data_set(tokens: _Tokens, reading: _Reading) -> xr.Dataset:
    result = xr.Dataset(
        {"embedding": (("token", "feature"), tokens.vectors, {"long_name": "what the model makes of a token"})},
        {**_coordinates(tokens, "token", ""), "window": ("token", tokens.window.astype("M8[ns]"))},
    )
    if reading.keys is not None:
        words = {"long_name": "what a token takes from each token of the window, in each layer and head of fusion"}
        result["attention"] = (("layer", "head", "token", "key"), reading.weights, words)
        result = result.assign_coords(_coordinates(reading.keys, "key", "key_"))
    return result


def _coordinates(tokens: _Tokens, dim: str, prefix: str) -> dict[str, tuple[str, np.ndarray]]:
    return {
        f"{prefix}modality": (dim, tokens.modality),
        f"{prefix}place": (dim, tokens.place),
        f"{prefix}day": (dim, tokens.day.astype("M8[ns]")),
    }
