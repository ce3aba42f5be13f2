"""Whether data have the inputs that a run was trained on: an absent input is not a missing value."""

import logging
from collections.abc import Collection, Sequence
from difflib import get_close_matches

from hydromae.base.errors import ConfigError
from hydromae.prediction.predictor import Predictor
from hydromae.prediction.trained_for import hidden_whole
from hydromae.store.store import Store

_log = logging.getLogger(__name__)


def require_inputs(predictor: Predictor, unseen: Collection[str] = ()) -> list[str]:
    """Refuse data that lack an input of a run, unless the run has learned to do without it.

    Args:
        predictor: the run and the data.
        unseen: modalities that are never visible in the task.

    Returns:
        Modalities that the data lack, that nothing computes, and that some windows of the training lacked, too.

    Raises:
        ConfigError: a modality or an attribute is not in the data.
    """
    run, store = predictor.run, predictor.store
    here = {*store.names, *predictor.data.computed, *unseen}
    absent = [name for name in predictor.model.shapes if name not in here]
    if needed := [name for name in absent if not hidden_whole(predictor, name)]:
        raise ConfigError(
            f"{store.path}: has no {', '.join(needed)}, which {run} was trained on and never did without (it has "
            f"{', '.join(store.names)}); prepare the data with it, under that name, or take a run that was trained "
            f"without it, or with windows that lack it (masking.drop={{{needed[0]}: 0.1}})"
        )
    lacking = predictor.data.lacking_attributes
    if lacking and predictor.config.masking.drop_attributes:
        _log.warning("%s: has no attribute %s, which count as usual ones", store.path, ", ".join(lacking))
    elif lacking:
        raise ConfigError(
            f"{store.path}: has no attribute {', '.join(lacking)}, which {run} was trained on{_hint(lacking, store)}; "
            f"name it so in the table and in data.attributes.columns, as an empty column where it is not known, and "
            f"prepare the data anew with --overwrite"
        )
    return absent


def _hint(lacking: Sequence[str], store: Store) -> str:
    """Names in the data that may be meant."""
    if not store.attribute_names:
        return " (it has none)"
    by_spelling = {name.replace("_", "-").lower(): name for name in store.attribute_names}
    near = [
        by_spelling[spelling]
        for name in lacking
        for spelling in get_close_matches(name.replace("_", "-").lower(), by_spelling, 1)
    ]
    return f" (it has {', '.join(dict.fromkeys(near or store.attribute_names))})"
