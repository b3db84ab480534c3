from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tavid_planner.charts import Interval, Series, interval_chart, line_chart, nice_ticks


@given(low=st.floats(-1e3, 1e3), span=st.floats(1e-3, 1e3))
def test_ticks_enclose_the_data_in_a_few_round_steps(low, span):
    ticks = nice_ticks(low, low + span)
    assert ticks[0] <= low + 1e-6 and ticks[-1] >= low + span - 1e-6
    assert 2 <= len(ticks) <= 8


def test_flat_data_still_has_an_axis():
    assert len(nice_ticks(0.0, 0.0)) >= 2


def test_a_gap_in_the_data_is_a_gap_in_the_line():
    svg = ElementTree.fromstring(line_chart([Series("a", np.array([0, 1, np.nan, 2, 3.0]), "left")], 1.0, "m"))
    assert len(svg.findall("polyline")) == 2


@pytest.mark.parametrize("values", [[], [np.nan, np.nan], [1.0]])
def test_little_data_makes_a_chart(values):
    ElementTree.fromstring(line_chart([Series("a", np.array(values, float), "left")], 0.0, "m"))


def test_every_interval_is_a_bar_in_its_row():
    bars = [Interval("left", 0.0, 0.5, "left"), Interval("right", 0.2, 0.2, "right")]
    svg = ElementTree.fromstring(interval_chart(["left", "right"], bars, 1.0))
    drawn = [r for r in svg.findall("rect") if "bar" in r.get("class")]
    assert len(drawn) == 2 and all(float(r.get("width")) > 0 for r in drawn)
