import pytest

from tavid_planner.errors import ErrorCode, VideoError
from tavid_planner.video.adapter import Adapter
from tavid_planner.video.attention_recorder import captured_blocks


def adapter(blocks):
    return Adapter("mine", "target", 4, 4.0, "", {"attention_blocks": blocks})


def test_the_blocks_that_were_trained_are_captured():
    assert captured_blocks(adapter([5, 2]), 8) == (2, 5)
    assert captured_blocks(Adapter("released", "target", 4, 4.0, ""), 3) == (0, 1, 2)


def test_of_many_blocks_seven_are_captured():
    assert captured_blocks(None, 42) == (0, 7, 14, 20, 27, 34, 41)
    assert len(captured_blocks(adapter(list(range(5, 24))), 42)) == 7


@pytest.mark.parametrize("blocks", ["2-5", [8], [-1], [1.5]])
def test_blocks_that_are_not_there_are_named(blocks):
    with pytest.raises(VideoError, match="expected block numbers from 0 to 7") as error:
        captured_blocks(adapter(blocks), 8)
    assert error.value.code is ErrorCode.ADAPTER_INCOMPATIBLE
