"""The tables of the retargeting benchmark: what counts as reached and as within the limit."""

from benchmarks.retarget import arm_table, humanoid_table


def arm_row(piece: int, gap_m: float) -> dict:
    return {
        "piece": piece,
        "what": "picks up",
        "refused": "",
        "seconds": 0.5,
        "samples": 200,
        "gap_m": gap_m,
        "collisions": 1,
        "violations": 0,
        "stretch": 1.5,
        "grip": "pinch",
        "attempts": piece,
    }


def test_a_gap_beyond_the_limit_and_a_refusal_are_not_reached():
    refused = {"piece": 3, "what": "picks up", "refused": "too wide", "seconds": 1.0}
    text = "\n".join(arm_table([arm_row(1, 0.004), arm_row(2, 0.02), refused]))
    assert "15 mm: 1/3" in text and "samples in collision: 2, of 400" in text
    assert "400 samples/s" in text and "one in 1/2, at most 2" in text
    assert "scene 3, picks up, UNREACHABLE in 1.0 s: too wide" in text


def test_the_worst_scene_of_a_humanoid_is_named():
    row = {"what": "slides", "seconds": 0.5, "frames": 25, "floor_m": 0.0, "palm_m": 0.01, "skin_m": 0.02}
    lines = humanoid_table([row | {"piece": 0, "slide_m": 0.001}, row | {"piece": 1, "slide_m": 0.006}])
    assert "worst 6.0 mm/frame (scene 1, slides)" in lines[0] and "1/2 within 5" in lines[0]
    assert "50 frames per second" in lines[-1]
