"""What is kept of a topic, and which message belongs to a stamp."""

import pytest
from sensor_msgs.msg import Image

from tavid_planner.ros import history
from tavid_planner.ros.history import History


def image(stamp_s: float) -> Image:
    message = Image()
    message.header.stamp.sec, message.header.stamp.nanosec = int(stamp_s), round(stamp_s % 1 * 1e9)
    return message


@pytest.fixture
def filled(monkeypatch):
    """A function that fills a history with stamps; a message arrives every tenth of a second."""
    now_s = [100.0]
    monkeypatch.setattr(history.time, "monotonic", lambda: now_s[0])

    def fill(stamps_s, size: int = 10, keep_s: float = 60.0) -> History:
        kept = History()
        for stamp_s in stamps_s:
            now_s[0] += 0.1
            kept.add(image(stamp_s), size, keep_s)
        return kept

    return fill


def test_nearest_stamp_is_found_and_unstamped_messages_are_not(filled):
    kept = filled([5.0, 5.1, 0.0, 5.2])
    assert kept.nearest(5.13).stamp_s == pytest.approx(5.1)
    assert kept.newest_first()[1].stamp_s is None
    assert filled([0.0]).nearest(5.0) is None


@pytest.mark.parametrize(
    "limits, kept", [({"keep_s": 0.35}, 4), ({"size": history.MAX_KEPT_BYTES // 2}, 2), ({"size": 10**10}, 1)]
)
def test_old_and_too_many_messages_are_forgotten(filled, limits, kept):
    assert len(filled([1 + k / 10 for k in range(9)], **limits).newest_first()) == kept


def test_recording_that_begins_anew_empties_it_and_a_late_message_does_not(filled):
    assert [r.stamp_s for r in filled([9.0, 9.1, 2.0]).newest_first()] == [2.0]
    assert len(filled([9.0, 9.1, 8.9]).newest_first()) == 3
