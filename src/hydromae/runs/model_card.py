"""The model card of a model: what it is and what it was trained on, as the README.md of its page on a hub."""

from typing import Any, Final

from jinja2 import Environment, StrictUndefined

from hydromae.models.multimodal_mae import MultiModalMAE

_CARD: Final = """\
---
library_name: hydromae
tags:
- hydrology
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


def model_card(model: MultiModalMAE) -> str:
    """Markdown: modalities with their units, parameters, training period, stations, attributes and grid."""
    # Markdown, which escaping for HTML would spoil.
    return Environment(undefined=StrictUndefined).from_string(_CARD).render(_facts(model))


def _facts(model: MultiModalMAE) -> dict[str, Any]:
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
