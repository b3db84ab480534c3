"""The table of lifted generated clips."""

from benchmarks.lift_generated import table


def _row(name: str, worst_frame: float, says: float, **numbers) -> dict:
    row = {"piece": name, "error_worst_frame": worst_frame, "within_5_percent": says, "error_mean": 0.01}
    return row | {"contact": True, "seconds": 5.0, "peak_gib": 1.0} | numbers


def test_clips_are_judged_by_their_worst_frame_and_errors_counted_by_code():
    failed = {"piece": "c", "error": "nobody", "code": "NO_ACTOR"}
    text = table([_row("a", 0.05, 0.9), _row("b", 0.08, 0.6, error_mean=0.06, contact=False), failed])
    assert text.startswith("2 of 3 clips lifted (67%)") and "1 NO_ACTOR" in text
    assert "every frame within 5% of its keypoints: 1 of 2" in text and "considers right: 75.0%" in text
    assert "worst clip 6.0% (b)" in text and "a hand on the target: 1 of 2" in text


def test_no_lifted_clip_is_said():
    assert table([{"piece": "c", "error": "e", "code": "NO_ACTOR"}]).startswith("0 of 1 clips lifted")
