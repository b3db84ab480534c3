"""The table of lifted generated clips."""

from benchmarks.lift_generated import table


def _row(name: str, num_frames: int, within: float, **numbers) -> dict:
    row = {"piece": name, "num_frames": num_frames, "within_5_percent": within, "error_mean": 0.01, "contact": True}
    return row | {"seconds": 5.0, "peak_gib": 1.0} | numbers


def test_frames_count_not_clips_and_errors_are_counted_by_code():
    failed = {"piece": "c", "error": "nobody", "code": "NO_ACTOR"}
    text = table([_row("a", 10, 1.0), _row("b", 30, 0.5, error_mean=0.06, contact=False), failed])
    assert text.startswith("2 of 3 clips lifted (67%)") and "1 NO_ACTOR" in text
    assert "62.5% of 40" in text and "worst clip 6.0% (b)" in text
    assert "every frame within 5%: 1 of 2" in text and "a hand on the target: 1 of 2" in text


def test_no_lifted_clip_is_said():
    assert table([{"piece": "c", "error": "e", "code": "NO_ACTOR"}]).startswith("0 of 1 clips lifted")
