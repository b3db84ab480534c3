"""When a task counts as done."""

import numpy as np
import pytest

from hoi_motion.execute.task import Happened, Task, task_of, why_not
from tests.hoi_motion.retarget.conftest import lifting


def at(x=0.0, z=0.0, tilt_deg=0.0) -> np.ndarray:
    c, s = np.cos(np.radians(tilt_deg)), np.sin(np.radians(tilt_deg))
    return np.array([[c, 0, s, x], [0, 1, 0, 0], [-s, 0, c, z], [0, 0, 0, 1.0]])


def told(kind: str, goal: np.ndarray, end: np.ndarray, pressed_s=1.0, carried_s=1.0, is_round=False) -> str:
    happened = Happened(at(), end, np.zeros(3), pressed_s, carried_s, is_round)
    return why_not(Task("thing", kind, at(), goal), happened)


@pytest.mark.parametrize(
    "kind, goal, end, words",
    [
        ("touch", at(), at(x=0.02), ""),
        ("touch", at(), at(x=0.04), "it is pushed away"),
        ("touch", at(), at(tilt_deg=20), "it falls over"),
        ("slide", at(x=0.12), at(x=0.09), ""),
        ("slide", at(x=0.12), at(x=0.07), "it is left behind"),
        ("slide", at(x=0.12), at(x=0.18), "it goes elsewhere"),
        ("slide", at(x=0.12), at(x=0.12, tilt_deg=80), "it falls over"),
        ("lift", at(z=0.15), at(z=0.12), ""),
        ("lift", at(z=0.15), at(z=0.0), "it slips out of the gripper"),
    ],
)
def test_it_is_judged_by_where_the_object_ends(kind, goal, end, words):
    assert told(kind, goal, end) == words


def test_what_nobody_touches_is_no_touch():
    assert told("touch", at(), at(), pressed_s=0.0) == "the gripper does not touch it"


def test_what_is_thrown_to_its_place_is_not_lifted():
    assert told("lift", at(z=0.15), at(z=0.15), carried_s=0.0) == "it is not lifted"


def test_a_ball_may_roll():
    assert told("slide", at(x=0.12), at(x=0.12, tilt_deg=90), is_round=True) == ""


def test_a_rolling_ball_is_where_its_middle_is():
    middle = np.array([0, 0, 0.05])
    end = at(tilt_deg=90)
    end[:3, 3] = [0.1, 0, 0.05] - end[:3, :3] @ middle
    start = at()
    start[2, 3] = 0.0
    goal = at(x=0.1)
    assert why_not(Task("ball", "slide", start, goal), Happened(start, end, middle, 1.0, 0.0, True)) == ""


def test_the_task_is_what_the_person_does():
    assert task_of(lifting(), "bar").kind == "lift"
