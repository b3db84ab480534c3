import pytest

from tavid_planner.video.guidance import guidance_at


def test_guidance_schedules():
    assert guidance_at("static", 6.0, 3, 599, 50) == 6.0
    assert guidance_at("step_index", 6.0, 0, 999, 50) == 1.0
    # halfway 1 + 6 (1 - cos(pi / 32)) / 2, at the end of the cosine 1 + 6
    assert guidance_at("step_index", 6.0, 25, 0, 50) == pytest.approx(1.014446, abs=1e-6)
    assert guidance_at("released", 6.0, 0, 0, 50) == pytest.approx(7.0)
    rising = [guidance_at("step_index", 6.0, i, 0, 50) for i in range(50)]
    assert rising == sorted(rising) and rising[-1] > 6.5
    jumping = [guidance_at("released", 6.0, i, 999 - 20 * i, 50) for i in range(50)]
    assert min(jumping) < 1.5 and max(jumping) > 6.5 and jumping != sorted(jumping)
