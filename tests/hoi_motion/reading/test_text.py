import time
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from hoi_motion.errors import InputError
from hoi_motion.options import from_mapping
from hoi_motion.physics.config import CheckConfig
from hoi_motion.reading.text import MAX_YAML_BYTES, parse_yaml, read_json, read_yaml_value
from tavid_planner.config import load_profile

LAUGHS = Path(__file__).parent / "hostile" / "laughs_in_option.yaml"
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_ordinary_yaml_is_read_as_the_library_reads_it(value):
    text = yaml.safe_dump(value)
    assert parse_yaml(text, "option a") == yaml.safe_load(text)


@pytest.mark.parametrize("read", [read_yaml_value, lambda path: load_profile(str(path))])
def test_aliases_of_aliases_are_counted_not_written_out(read):
    start = time.perf_counter()
    with pytest.raises(InputError, match="CONFIG_INVALID.*aliases stand for more than") as error:
        read(LAUGHS)
    assert len(str(error.value)) < 500 and time.perf_counter() - start < 10


def test_a_few_aliases_are_yaml(tmp_path):
    (tmp_path / "a.yaml").write_text("a: &a [1, 2]\nb: *a\n<<: {c: 3}\n")
    assert read_yaml_value(tmp_path / "a.yaml") == {"a": [1, 2], "b": [1, 2], "c": 3}


@pytest.mark.parametrize(
    "text, words",
    [
        ("[" * 5000, "nested more than"),
        ("&a [*a]", "holds it"),
        ("a: !!python/object/apply:os.system [ls]", "could not determine a constructor"),
        ("- 1\n" * 30_000, "more than 20000 values"),
        ("x" * (MAX_YAML_BYTES + 1), "at most|more than"),
        ("a: b: c", "line 1"),
        ("2001-99-99", "month"),
        ("{[1, 2]: 3}", "unhashable"),
        ("\x01", ""),
    ],
)
def test_hostile_yaml_is_one_named_error(tmp_path, text, words):
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(InputError, match=f"CONFIG_INVALID.*{words}") as error:
        read_yaml_value(tmp_path / "a.yaml")
    assert str(error.value).isprintable()


@pytest.mark.parametrize("value", ["1" * 4000, "{a: [1, [2, [3, [4]]]]}", "1e999", "[]", "!!binary aGFsbG8="])
def test_a_refused_value_is_quoted_in_short(value):
    with pytest.raises(InputError, match="CONFIG_INVALID.*option check.floating_m") as error:
        from_mapping(CheckConfig, {"floating_m": parse_yaml(value, "option a")}, "check.")
    assert len(str(error.value)) < 400


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"[" * 100_000, b"{", b"\xff\xfe", b'{"a": ' + b"1" * 5000 + b"}", b"7"]
)
def test_hostile_json_is_one_named_error(tmp_path, content):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(InputError, match="FILE_INVALID.*is not a list of clips"):
        read_json(tmp_path / "a.json", "a list of clips")


def test_json_of_very_many_values_is_refused_before_it_is_read(tmp_path):
    (tmp_path / "many.json").write_bytes(b'{"a":[' + b"[]," * 2_600_000 + b"[]]}")
    with pytest.raises(InputError, match="more than 5000000 values"):
        read_json(tmp_path / "many.json", "a list")


def test_name_that_is_given_twice_is_refused():
    with pytest.raises(InputError, match="it has 'a' twice, in the mapping of line 2"):
        parse_yaml("x:\n  {a: 1, b: 2, a: 3}\n", "option x")


def test_json_name_that_is_given_twice_is_refused(tmp_path):
    (tmp_path / "twice.json").write_text('{"a": {"b": 1, "b": 2}}')
    with pytest.raises(InputError, match="'b' twice"):
        read_json(tmp_path / "twice.json", "a list")


def test_a_merged_mapping_may_replace_what_it_merges_wherever_it_is_merged_again():
    text = "b: &b {x: 1}\na: {m: &m {<<: *b, x: 2}}\ntop: {<<: *m, y: 3}"
    assert parse_yaml(text, "it")["top"] == {"x": 2, "y": 3}


def test_a_name_that_comes_again_after_very_many_is_found_at_once(tmp_path):
    names = [f'"k{number}":1' for number in range(200_000)]
    (tmp_path / "many.json").write_text("{" + ",".join([*names, names[-1]]) + "}")
    # to compare every name with every other would take minutes
    with pytest.raises(InputError, match="'k199999' twice"):
        read_json(tmp_path / "many.json", "a list")
