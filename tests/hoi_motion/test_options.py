from dataclasses import dataclass

import pytest

from hoi_motion.errors import ErrorCode, InputError
from hoi_motion.options import check_options, flat_options, from_mapping, option, section, to_mapping, with_assignments


@dataclass(frozen=True)
class Inner:
    size: int = option(4, "size", minimum=1, maximum=8, unit="px")
    share: float = option(0.5, "share", minimum=0, maximum=1)
    kind: str = option("a", "kind", choices=("a", "b", "7"))
    on: bool = option(True, "on")
    limit: float | None = option(None, "limit", minimum=0)

    def __post_init__(self):
        check_options(self, "inner.")


@dataclass(frozen=True)
class Outer:
    name: str = option("x", "name")
    inner: Inner = section(Inner)


@pytest.mark.parametrize(
    "values",
    [
        {"size": 0},
        {"size": 9},
        {"size": 2.5},
        {"size": True},
        {"size": "4"},
        {"share": float("nan")},
        {"share": -0.1},
        {"kind": "c"},
        {"kind": 1},
        {"on": 1},
        {"on": "yes"},
        {"limit": -1.0},
    ],
)
def test_a_bad_value_is_refused_by_name(values):
    with pytest.raises(InputError) as error:
        from_mapping(Outer, {"inner": values})
    assert error.value.code is ErrorCode.CONFIG_INVALID
    assert f"inner.{next(iter(values))}" in error.value.message


def test_what_kind_of_value_is_wanted_is_said_in_words():
    for value, words in (({"size": "4"}, "a whole number"), ({"on": 1}, "true or false"), ({"share": "x"}, "a number")):
        with pytest.raises(InputError, match=f"expected {words}$"):
            from_mapping(Outer, {"inner": value})


def test_whole_numbers_become_floats_where_floats_are_wanted():
    assert isinstance(Inner(share=1).share, float)
    assert Inner(limit=2).limit == 2.0


def test_digits_are_text_where_text_is_wanted():
    assert Inner(kind=7).kind == "7"


def test_an_unknown_option_lists_the_valid_names():
    with pytest.raises(InputError) as error:
        from_mapping(Outer, {"inner": {"sise": 3}})
    assert "inner.sise" in error.value.message
    assert error.value.hint == "perhaps inner.size is meant; valid names: kind, limit, on, share, size"


def test_mapping_round_trip():
    config = Outer("y", Inner(size=3, kind="b", limit=0.5))
    assert from_mapping(Outer, to_mapping(config)) == config


def test_flat_options_have_dotted_names():
    assert [name for name, *_ in flat_options(Outer())] == [
        "name",
        "inner.size",
        "inner.share",
        "inner.kind",
        "inner.on",
        "inner.limit",
    ]


def test_the_word_no_stays_a_word_where_it_is_a_choice():
    @dataclass(frozen=True)
    class Config:
        arithmetic: str = option("bf16", "of the run", choices=("no", "bf16"))

        def __post_init__(self):
            check_options(self)

    assert from_mapping(Config, {"arithmetic": False}).arithmetic == "no"  # as YAML reads a bare no
    with pytest.raises(InputError):
        from_mapping(Config, {"arithmetic": True})


@pytest.mark.parametrize("text, value", [("1e-4", 1e-4), ("2E3", 2000.0), ("-1.e-2", -0.01)])
def test_a_number_that_yaml_reads_as_text_for_want_of_a_point_is_a_number(text, value):
    @dataclass(frozen=True)
    class Rates:
        rate: float = option(1.0, "rate")

        def __post_init__(self):
            check_options(self)

    assert from_mapping(Rates, with_assignments({}, [f"rate={text}"])).rate == value
