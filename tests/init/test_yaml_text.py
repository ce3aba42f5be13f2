import yaml
from hypothesis import given
from hypothesis import strategies as st

from hydromae.config.read import _expand
from hydromae.init.yaml_text import comment, key_lines, scalar

TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=60)


@given(TEXTS)
def test_a_text_reads_back_as_it_is(text):
    assert _expand(yaml.safe_load(f"key: {scalar(text)}")["key"], "x") == text
    assert _expand(yaml.safe_load("\n".join(key_lines("key", [text, text], 2)))["key"], "x") == [text, text]


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_reads_back_as_it_is(number):
    assert yaml.safe_load(scalar(number)) == number


@given(st.text(max_size=300))
def test_no_text_breaks_out_of_a_comment(text):
    lines = comment(text, 4)
    assert all(line.startswith("    # ") or line == "    #" for line in lines)
    assert yaml.safe_load("\n".join(lines)) is None
