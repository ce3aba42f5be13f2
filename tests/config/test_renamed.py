import logging
from pathlib import Path

import pytest

from hydromae.base.errors import ConfigError
from hydromae.config import MaskingConfig, ModelConfig
from hydromae.config.explain import find_keys
from hydromae.config.read import build_config, dump_config, load_config
from hydromae.config.renamed import RENAMED, say_once


def test_every_new_name_is_a_key_and_no_old_one_is() -> None:
    for section, of_section in (("model", ModelConfig), ("masking", MaskingConfig)):
        assert set(RENAMED[section].values()) <= set(of_section.model_fields)
        assert not set(RENAMED[section]) & set(of_section.model_fields)


def test_the_names_of_the_first_plan_work_in_python() -> None:
    config = ModelConfig(img_encoder_layers=3, num_catchments=7)  # type: ignore[call-arg]
    assert (config.grid_encoder_layers, config.stations_per_window) == (3, 7)
    assert (config.img_encoder_layers, config.num_catchments) == (3, 7)
    assert MaskingConfig(image_mask_ratio=0.2).image_mask_ratio == 0.2  # type: ignore[call-arg]
    with pytest.raises(AttributeError, match="ModelConfig has no image_depth"):
        _ = config.image_depth


def test_an_old_key_in_a_file_or_an_override_is_taken_and_its_new_name_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    say_once.cache_clear()
    (tmp_path / "base.yaml").write_text("model: {img_encoder_layers: 3, grid_patch_days: 2}\n")
    (tmp_path / "more.yaml").write_text("extends: base.yaml\nmodel: {grid_encoder_layers: 4, image_patch_days: 5}\n")
    with caplog.at_level(logging.WARNING):
        config = load_config(tmp_path / "more.yaml", ["masking.vector_mask_ratio=0.3"])
        load_config(tmp_path / "more.yaml", ["masking.vector_mask_ratio=0.3"])
    assert (config.model.grid_encoder_layers, config.model.grid_patch_days) == (4, 5)
    assert config.masking.series_mask_ratio == 0.3
    assert sorted(record.getMessage() for record in caplog.records) == [
        "masking.vector_mask_ratio is now masking.series_mask_ratio; the old name still works",
        "model.image_patch_days is now model.grid_patch_days; the old name still works",
        "model.img_encoder_layers is now model.grid_encoder_layers; the old name still works",
    ]
    assert "img_encoder_layers" not in dump_config(config)


def test_a_value_under_both_names_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"model\.num_catchments is the old name of model\.stations_per_window; give"):
        build_config({"model": {"num_catchments": 4, "stations_per_window": 5}})


def test_the_meaning_of_an_old_key_is_found() -> None:
    assert [key.name for key in find_keys("model.vec_encoder_layers")] == ["model.series_encoder_layers"]
