"""Models on the Hugging Face hub: uploads them, describes them in a model card, and downloads them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from huggingface_hub import ModelCard, ModelHubMixin, snapshot_download
from huggingface_hub.errors import (  # type: ignore[attr-defined]  # its HTTP client's error
    HfHubHTTPError,
    HFValidationError,
    HTTPError,
    LocalTokenNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from hydromae.base.errors import RunError
from hydromae.models.multimodal_mae import MultiModalMAE

_LOG_IN: Final = "log in with `hf auth login`, or set HF_TOKEN"
_REFUSED: Final = (401, 403)

CARD: Final = """\
---
{{ card_data }}
---

# A HydroMAE model of {{ rows | map(attribute=0) | join(", ") }}

A masked autoencoder over gridded weather and gauged rivers: whatever is hidden of the modalities below is reconstructed
from the rest. It has {{ parameters }} parameters.

| variable | kind | unit | scaling |
|---|---|---|---|
{% for row in rows -%}
| {{ row | join(" | ") }} |
{% endfor %}
- Trained on: {{ period }}
- Stations: {{ stations }}
- Attributes of a station: {{ attributes }}
- Grid: {{ grid }}

```python
from hydromae import MultiModalMAE

model = MultiModalMAE.from_pretrained("USER/NAME")  # of this page
```

The model reads and returns scaled values. `model.trained_on["modalities"][NAME]["scaler"]` holds the numbers for
`hydromae.store.scaling.Scaler.from_dict`, which scales values and brings them back to the units above.
"""


class HubModel(ModelHubMixin, library_name="hydromae", tags=["hydrology"], model_card_template=CARD):
    """Saves, uploads and describes a `MultiModalMAE` through huggingface_hub's mixin, in the layout of our folders.

    `save_pretrained(folder)` writes `model.safetensors` and `config.json` as a run's `model` folder has them, and a
    model card, `README.md`, unless there is one.
    """

    def push_to_hub(self, repo_id: str, **options: Any) -> str:
        """Upload the weights, the configuration and a model card; makes the repository where there is none.

        Args:
            repo_id: as `user/name`.
            options: as of `huggingface_hub.ModelHubMixin.push_to_hub`: private, token, branch, commit_message, more.

        Returns:
            Address of the commit.

        Raises:
            RunError: the hub cannot be reached, or refuses.
        """
        with _errors_in_words(repo_id, "is no repository that you may write to"):
            return str(super().push_to_hub(repo_id, **options))

    def generate_model_card(self, *args: Any, **options: Any) -> ModelCard:
        """What the model is: modalities with their units, parameters, training period, stations and grid."""
        return super().generate_model_card(*args, **card_facts(self), **options)  # type: ignore[arg-type]


def download(name: str, files: list[str], **options: Any) -> Path:
    """The folder of a model on the hub, downloaded unless the cache holds it.

    Args:
        name: as `user/name`.
        files: of it, to download.
        options: as of `huggingface_hub.snapshot_download`: revision, token, cache_dir, local_files_only, more.

    Raises:
        RunError: it is not there, or the hub cannot be reached.
    """
    with _errors_in_words(name, "is neither a folder here nor a model on the Hugging Face hub that you may read"):
        return Path(snapshot_download(name, allow_patterns=files, **options))


def card_facts(model: MultiModalMAE) -> dict[str, Any]:
    """The values that fill the model card."""
    config, trained_on = model.config, model.trained_on
    modalities = trained_on.get("modalities", {})
    rows = []
    for name, kind in config.modalities.items():
        of_one = modalities.get(name, {})
        scaling = of_one["scaler"]["transform"] if of_one else "not recorded"
        rows.append((name, kind, of_one.get("units", "not recorded"), scaling))
    patches = f"{len(model.valid_patches)} of {config.all_patches} patches of {config.patch_size} x {config.patch_size}"
    return {
        "rows": rows,
        "parameters": f"{sum(p.numel() for p in model.parameters()):,}",
        "period": " to ".join(trained_on["period"]) if trained_on.get("period") else "not recorded",
        "stations": config.stations_per_window if "series" in config.modalities.values() else "none",
        "attributes": ", ".join(trained_on.get("attributes", ())) or f"{config.static_attr_dim}, without names",
        "grid": f"{config.grid_height} x {config.grid_width} cells; {patches} are modelled"
        if "grid" in config.modalities.values()
        else "none",
    }


@contextmanager
def _errors_in_words(name: str, refusal: str) -> Iterator[None]:
    """Turn errors of the hub and the network into one sentence."""
    try:
        yield
    except HFValidationError:
        raise RunError(f"{name}: is no name of a model on the Hugging Face hub; write it as user/name") from None
    except RevisionNotFoundError:
        raise RunError(f"{name}: has no such revision on the Hugging Face hub; name a branch, tag or commit") from None
    except (RepositoryNotFoundError, LocalTokenNotFoundError):
        raise RunError(f"{name}: {refusal}; correct the name, or {_LOG_IN}") from None
    except (HTTPError, OSError) as error:
        status = error.response.status_code if isinstance(error, HfHubHTTPError) else None
        if status in _REFUSED:
            raise RunError(f"{name}: {refusal} (the hub answers {status}); correct the name, or {_LOG_IN}") from None
        reason = f"the hub answers {status}" if status else _first_sentence(error.__cause__ or error)
        raise RunError(
            f"{name}: the Hugging Face hub cannot be used ({reason}); try again with a network, or use a folder (there "
            f"is no {name} in {Path.cwd()})"
        ) from error


def _first_sentence(error: BaseException) -> str:
    return " ".join(str(error).split()).split(". ")[0].rstrip(".") or type(error).__name__
