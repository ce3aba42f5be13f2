"""What a typed configuration accepts, fills in and refuses."""

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hydromae.base.errors import ConfigError
from hydromae.config import ATTRIBUTES, PRESETS, Config, DataConfig, ModelConfig, data
from hydromae.config.read import build_config

days = st.dates(date(1990, 1, 1), date(1990, 2, 28))
periods = st.tuples(days, days).map(sorted).map(tuple)


def test_a_series_may_be_called_what_a_preset_calls_a_grid() -> None:
    data = {"modalities": {"precip": {"kind": "series", "paths": ["rain.csv"]}}}
    model = {"rolling": ["precip"], "recurrent_dim": 4}
    assert build_config({"data": data, "model": model, "masking": {"forecast": ["precip"]}}).model.rolling == (
        "precip",
    )
    data["modalities"]["precip"]["kind"] = "grid"
    with pytest.raises(ConfigError, match=r"model.rolling names precip, which is a grid; name series"):
        build_config({"data": data, "model": model})


def test_an_empty_configuration_is_the_default_one():
    assert build_config({}) == Config()


@pytest.mark.parametrize("name", PRESETS)
def test_a_usual_modality_needs_only_its_files(name):
    modality = build_config({"data": {"modalities": {name: {"paths": "a.h5"}}}}).data.modalities[name]
    assert modality.paths == ("a.h5",)
    assert {key: getattr(modality, key) for key in PRESETS[name]} == PRESETS[name]


def test_a_given_value_goes_before_the_preset():
    modality = build_config({"data": {"modalities": {"precip": {"units": "m/d", "maximum": None}}}}).data.modalities
    assert modality["precip"].units == "m/d" and modality["precip"].maximum is None
    assert modality["precip"].scaling == PRESETS["precip"]["scaling"]


@pytest.mark.parametrize("missing", ["kind", "units"])
def test_a_modality_without_preset_must_say_what_it_is(missing):
    given_keys = {"kind": "grid", "units": "W m-2"}
    del given_keys[missing]
    with pytest.raises(ConfigError, match=rf"data\.modalities\.radiation\.{missing}"):
        build_config({"data": {"modalities": {"radiation": given_keys}}})


def test_naming_one_modality_brings_in_no_other_preset():
    config = build_config({"data": {"modalities": {"soil": {}}}, "model": {"modalities": {"snow": "grid"}}})
    assert list(config.data.modalities) == ["soil"]
    assert config.model.modalities == {"snow": "grid"}


@pytest.mark.parametrize("name", ["Precip", "river flow", "2m_temp", "a.b", ""])
def test_modality_names_that_cannot_be_attributes_are_refused(name):
    with pytest.raises(ConfigError, match="lower-case"):
        build_config({"data": {"modalities": {name: {"kind": "grid", "units": "1"}}}})


@settings(deadline=None)
@given(first=periods, second=periods, keys=st.permutations(["train", "val", "test"]))
def test_two_periods_are_refused_exactly_when_they_share_a_day(first, second, keys):
    def days_of(period):
        return {period[0] + timedelta(n) for n in range((period[1] - period[0]).days + 1)}

    raw = {"data": {keys[0]: list(first), keys[1]: list(second)}}
    if days_of(first) & days_of(second):
        with pytest.raises(ConfigError, match="overlap") as refused:
            build_config(raw)
        assert keys[0] in str(refused.value) and keys[1] in str(refused.value)
    else:
        assert getattr(build_config(raw).data, keys[0]) == first


def test_a_period_that_ends_before_it_begins_is_refused():
    with pytest.raises(ConfigError, match=r"val ends \(2010-01-01\) before it begins \(2010-01-02\)"):
        build_config({"data": {"val": ["2010-01-02", "2010-01-01"]}})


@settings(deadline=None)
@given(longest=st.integers(1, 200), excess=st.integers(-2, 2) | st.integers(-199, 200))
def test_a_window_is_refused_exactly_when_it_is_longer_than_the_model_allows(longest, excess):
    window = max(longest + excess, 1)
    raw = {"data": {"window": window}, "model": {"max_time_steps": longest}}
    if window > longest:
        with pytest.raises(ConfigError, match=rf"window \({window}\).*max_time_steps \({longest}\)"):
            build_config(raw)
    else:
        assert build_config(raw).data.window == window


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ({"d_model": 100}, "d_model .100. must be a multiple of nhead"),
        ({"decoder_dim": 6, "nhead": 2}, "decoder_dim .6."),
        ({"grids_attended": False}, "set recurrent_grids above 0"),
        ({"attention": "none"}, "needs a recurrent_dim above 0"),
        (
            {"attention": "none", "recurrent_dim": 8, "recurrent_grids": 4, "use_weighted_fm": True},
            "use_weighted_fm off",
        ),
        ({"use_fm_layers": [0, 6]}, "from 0 to 5"),
        ({"use_fm_layers": []}, "at least one"),
        ({"use_fm_layers": [2, 1]}, "ascending"),
        ({"use_fm_layers": [1, 1]}, "each layer once"),
        ({"use_weighted_fm": True, "use_cross_attn": False}, "needs use_cross_attn"),
        ({"modalities": {}}, "empty"),
        ({"modalities": {"rain": "grid"}, "rolling": ["rain"]}, "rolling names rain, which is a grid"),
        ({"static_attr_dim": 1}, "series_position"),
    ],
)
def test_sizes_that_do_not_fit_are_refused_by_name(model, message):
    with pytest.raises(ConfigError, match=message):
        build_config({"model": model})


def test_deepest_encoder_counts_only_the_kinds_in_use():
    assert ModelConfig(modalities={"precip": "grid", "evap": "series"}).deepest_encoder == 6
    assert ModelConfig(modalities={"evap": "series"}).deepest_encoder == 4
    assert ModelConfig(modalities={"evap": "series"}, series_encoder_layers=9).deepest_encoder == 9


def test_the_default_grid_has_522_patches_and_11_attributes_a_station():
    model = ModelConfig()
    assert model.all_patches == 522
    assert model.static_attr_dim == len(ATTRIBUTES) == 11
    assert [ATTRIBUTES[i] for i in model.coordinate_attrs] == ["latitude", "longitude"]


def test_station_weights_belong_to_a_modality_of_the_data():
    with pytest.raises(ConfigError, match="station_weights names riverflow, which is none of evap"):
        build_config({"data": {"modalities": {"evap": {}}}, "training": {"station_weights": ["riverflow"]}})


def test_a_task_weight_must_belong_to_a_modality_of_the_data_or_a_usual_one():
    with pytest.raises(ConfigError, match="names rain_loss, which is none of evap_loss"):
        build_config({"data": {"modalities": {"evap": {}}}, "training": {"task_weights": {"rain_loss": 2}}})
    # So an experiment can leave a modality of its base out and keep the base's weights.
    without = {"data": {"modalities": {"evap": {}, "precip": None}}, "training": {"task_weights": {"precip_loss": 2}}}
    assert build_config(without).training.task_weights == {"precip_loss": 2}


def test_a_configuration_cannot_change_once_read():
    with pytest.raises(ValueError, match="frozen"):
        DataConfig().window = 7


def test_store_and_run_are_named_after_the_experiment_unless_given():
    config = build_config({"name": "exp1"})
    assert (config.store_path, config.output_path) == ("stores/exp1", "output/exp1")
    config = build_config({"name": "exp1", "output": "out/x", "data": {"store": "s"}})
    assert (config.store_path, config.output_path) == ("s", "out/x")


def test_stations_to_leave_out_may_be_written_as_numbers():
    assert build_config({"data": {"exclude_stations": [39001, "NB01"]}}).data.exclude_stations == ("39001", "NB01")


def test_a_modality_cannot_take_the_name_of_a_coordinate():
    with pytest.raises(ConfigError, match="'station' is the name of a coordinate"):
        build_config({"data": {"modalities": {"station": {"kind": "series", "units": "1"}}}})


def test_the_copy_in_shared_memory_of_earlier_versions_is_taken_as_none_and_that_is_said_once(caplog):
    data._say_that_auto_is_none.cache_clear()
    configs = [build_config({"data": {"cache": "auto"}}) for _ in range(2)]
    assert [config.data.cache for config in configs] == ["none", "none"]
    (said,) = [record.getMessage() for record in caplog.records]
    assert said.startswith("data.cache: auto, a copy in shared memory, gained nothing and is taken as none")
    assert build_config({"data": {"cache": "memory"}}).data.cache == "memory"
