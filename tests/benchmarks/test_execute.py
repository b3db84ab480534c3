"""Boxes, and objects scaled to a jaw: what arms smaller than a person's are measured on."""

import numpy as np
import pytest

from benchmarks.execute import main, table
from benchmarks.jaw_sized import RISE_M, TABLE_TOP_M, box_lift, scaled_object
from hoi_motion.body import load_body
from hoi_motion.execute.task import task_of
from hoi_motion.retarget.arm.grasp import hand_on_object


@pytest.mark.parametrize("width_m", [0.015, 0.075])
def test_a_box_stands_on_the_table_and_is_lifted_by_a_hand_that_comes_from_the_persons_side(width_m):
    motion = box_lift(width_m)
    thing = motion.objects[0]
    feet_m = thing.vertices_m[:, 2].min() + thing.T_world_object[:, 2, 3]
    assert feet_m[0] == pytest.approx(TABLE_TOP_M) and np.ptp(feet_m) == pytest.approx(RISE_M)
    assert task_of(motion, "target").kind == "lift"
    _, approach = hand_on_object(motion, motion.contacts[0], load_body())
    from_person_m = thing.T_world_object[0, :2, 3] - motion.transl_m[0, :2]
    assert approach[:2] @ from_person_m > 0.9 * np.linalg.norm(from_person_m)


def test_a_scaled_object_keeps_its_foot_also_where_it_is_turned():
    motion = box_lift(0.05)
    T = motion.objects[0].T_world_object.copy()
    T[-1, :3, :3] = np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1]])
    small = scaled_object(motion, "target", 0.4).objects[0]
    np.testing.assert_allclose(np.ptp(small.vertices_m, axis=0), [0.02, 0.02, 0.04])
    foot_m, was_m = (o.T_world_object[:, :3, :3] @ [0, 0, o.vertices_m[:, 2].min()] for o in (small, motion.objects[0]))
    np.testing.assert_allclose(
        foot_m + small.T_world_object[:, :3, 3], was_m + motion.objects[0].T_world_object[:, :3, 3]
    )


@pytest.mark.parametrize(
    "wrong, word",
    [
        (["--robot", "panda", "iiwa", "--urdf", "a.urdf"], "--urdf is of one robot"),
        (["--jaw_share", "0.5"], "goes with --lifts"),
        (["--lifts", "--jaw_share", "1.5"], "at most 1"),
        (["--lifts", "--boxes"], "one of"),
    ],
)
def test_options_that_contradict_each_other_are_refused(wrong, word, capsys):
    with pytest.raises(SystemExit):
        main(wrong)
    assert word in capsys.readouterr().err


def test_failures_are_counted_by_cause_and_named_by_scene_or_box():
    row = {"kind": "lift", "what": "a box", "told": "too wide", "why_not": "unreachable"}
    text = "\n".join(table([row | {"piece": "75 mm"}, row | {"piece": 3}], None))
    assert "done in physics: 0/2" in text and "lift 0/2" in text and "lift, unreachable: 2" in text
    assert "75 mm, a box: too wide" in text and "scene 3, a box: too wide" in text
