"""Put a finished run into the package as a model that comes with it: weights, configuration, card; no data, no paths.

python benchmarks/pack_model.py output/gb --name gb
"""

import argparse
import shutil
from pathlib import Path
from typing import Any

import yaml

from hydromae.base.files import write_text
from hydromae.config import Config
from hydromae.runs.directory import RunDirectory
from hydromae.runs.pretrained import load_pretrained, save_pretrained
from hydromae.runs.shipped import FOLDER
from hydromae.training.setup import trained_on

CARD = """# {name}: {modalities} of {stations} catchments

A trained model of hydromae, for any gauge: `hydromae forecast {name} --data FOLDER`. What it can do, and how well it
does it, stands in docs/pretrained.md.

- Trained on {first} to {last} at {stations} catchments of Great Britain.
- Data: CAMELS-GB (Coxon et al. 2020, Earth Syst. Sci. Data 12, 2459), which holds rainfall of CEH-GEAR, temperature of
  CHESS-met and river flow of the UK National River Flow Archive, under the Open Government Licence v3. Contains data
  supplied by the UK Centre for Ecology & Hydrology, the Environment Agency, Natural Resources Wales, the Scottish
  Environment Protection Agency and the Met Office. Potential evaporation after Oudin et al. (2005).
- The weights are under the licence of hydromae; they are derived from these data, whose attribution must stay.
- {parameters:,} weights, in safetensors.
"""


def packed_config(config: Config, name: str) -> dict[str, Any]:
    """The configuration of a run without what belongs to one machine."""
    raw = config.model_dump(mode="json")
    raw |= {"name": name, "output": None}
    raw["data"] |= {"root": ".", "store": None}
    raw["training"] |= {"start_from": None}
    raw["logging"] |= {"log_file": None}
    return raw


def pack(run: Path, name: str) -> Path:
    """Write the model's folder and return it."""
    directory, folder = RunDirectory.open(run), FOLDER / name
    model = load_pretrained(directory.path)
    before = model.trained_on.get("before", [])
    model.trained_on = {**trained_on(directory.store(), directory.config().data.train_stations), "before": before}
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "model").mkdir(parents=True)
    save_pretrained(model, folder / "model")
    write_text(folder / "config.yaml", yaml.safe_dump(packed_config(directory.config(), name), sort_keys=False))
    first, last = model.trained_on["period"]
    parameters = sum(p.numel() for p in model.parameters())
    stations = len(model.trained_on["stations"])
    modalities = ", ".join(model.config.modalities)
    card = CARD.format(
        name=name, modalities=modalities, stations=stations, first=first, last=last, parameters=parameters
    )
    write_text(folder / "README.md", card)
    return folder


def main() -> None:
    """Pack the run that is named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--name", required=True)
    given = parser.parse_args()
    print(pack(given.run, given.name))


if __name__ == "__main__":
    main()
