from hydromae.base.attribute_names import same_attribute


def test_an_attribute_is_found_by_the_names_of_archives() -> None:
    assert same_attribute("bfihost", ["area", "bfihost"]) == "bfihost"
    assert same_attribute("minimum-altitude", ["elev_min", "elev_max"]) == "elev_min"
    assert same_attribute("50-percentile-altitude", ["50_percentile_altitude", "elev_50"]) == "50_percentile_altitude"
    assert same_attribute("propwet", ["elev_min"]) is None
