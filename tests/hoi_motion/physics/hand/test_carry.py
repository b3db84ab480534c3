"""Objects left to contact and friction: what a fist encloses comes along, what one side touches stays behind."""

from dataclasses import replace

import numpy as np
import pytest
import trimesh

from hoi_motion.body.joints import JOINT_NAMES
from hoi_motion.motion import Contact
from hoi_motion.physics import CheckConfig, Verdict
from hoi_motion.physics.checks import object_follows
from hoi_motion.physics.geometry import MotionGeometry
from hoi_motion.physics.hand import carry
from hoi_motion.physics.hand.carry import carry_objects
from hoi_motion.physics.world import GRAVITY_M_S2

ROD_RADIUS_M = 0.016
CURL_RAD = (1.1, 1.3, 0.8)


@pytest.fixture(scope="module")
def fist(good_motion, body):
    """The right hand of the good motion holds an upright rod in its fist and lifts it."""
    pose = good_motion.pose_rad.copy()
    for finger in ("index", "middle", "pinky", "ring"):
        for segment, curl in zip((1, 2, 3), CURL_RAD):
            pose[:, JOINT_NAMES.index(f"right_{finger}{segment}"), 2] = curl
    motion = good_motion.replace(pose_rad=pose, objects=(), contacts=())
    geometry = MotionGeometry(motion, CheckConfig(), body)
    knuckles = [JOINT_NAMES.index(f"right_{f}{s}") for f in ("index", "middle", "ring", "pinky") for s in (1, 2, 3)]
    places = geometry.joints_m[0, knuckles].reshape(4, 3, 3)
    middle = places.mean(axis=(0, 1))
    along = places[0].mean(axis=0) - places[3].mean(axis=0)
    rod = trimesh.creation.cylinder(ROD_RADIUS_M, 0.16, sections=24)
    T = np.eye(4)
    T[:3, :3] = trimesh.geometry.align_vectors([0, 0, 1], along)[:3, :3]
    T[:3, 3] = middle
    wrist = geometry.T_world_part[:, JOINT_NAMES.index("right_wrist")]
    item = replace(
        good_motion.objects[0],
        name="rod",
        vertices_m=rod.vertices,
        faces=rod.faces,
        T_world_object=wrist @ np.linalg.inv(wrist[0]) @ T,
    )
    held = motion.replace(objects=(item,), contacts=(Contact("right_hand", "rod", 0, motion.num_frames),), supports=())
    return MotionGeometry(held, CheckConfig(), body)


def test_an_object_enclosed_by_a_fist_is_carried_along(fist):
    assert carry_objects(fist)["rod"].max() < 0.03


def test_without_friction_it_slips_through(fist, monkeypatch):
    monkeypatch.setattr(carry, "SKIN_FRICTION", 0.0)
    assert carry_objects(fist)["rod"].max() > 0.2


def test_an_object_touched_from_one_side_stays_behind(good_motion, body):
    geometry = MotionGeometry(good_motion, CheckConfig(), body)
    risen_m = np.ptp(geometry.centres_world(good_motion.objects[0])[good_motion.num_frames // 2 :, 2])
    assert carry_objects(geometry)["box"].max() > 0.9 * risen_m


@pytest.mark.parametrize("fps", [24, 100, 160, 500])
def test_what_no_hand_holds_falls_as_far_as_in_the_motions_time(good_motion, body, fps):
    box = good_motion.objects[0]
    T = np.tile(np.eye(4), (good_motion.num_frames, 1, 1))
    T[:, :3, 3] = [30, 0, 50]
    in_the_air = good_motion.replace(objects=(replace(box, T_world_object=T),), fps=fps)
    fallen_m = carry_objects(MotionGeometry(in_the_air, CheckConfig(), body))["box"]
    time_s = np.arange(len(fallen_m)) / fps
    assert fallen_m[-1] == pytest.approx(GRAVITY_M_S2 / 2 * time_s[-1] ** 2, rel=0.15)


@pytest.mark.parametrize("judged, verdict", [(True, Verdict.FAIL), (False, Verdict.PASS)])
def test_it_is_judged_only_where_asked_for(good_motion, body, judged, verdict):
    """A hand that is said to hold what stands a forearm's length away holds nothing, however it closes."""
    config, box = CheckConfig(simulate=True, judge_following=judged), good_motion.objects[0]
    T = box.T_world_object.copy()
    T[:, 1, 3] -= 0.25
    away = good_motion.replace(objects=(replace(box, T_world_object=T),))
    assert object_follows(MotionGeometry(away, config, body), None).verdict is verdict


def test_a_motion_whose_second_half_has_no_contact_is_not_judged(good_motion, body):
    early = good_motion.replace(contacts=(Contact("right_hand", "box", 0, good_motion.num_frames // 2),))
    found = object_follows(MotionGeometry(early, CheckConfig(simulate=True), body), None)
    assert found.verdict is Verdict.NOT_RUN and "no hand touches an object" in found.reason


def test_it_is_the_same_every_time(fist):
    assert np.array_equal(carry_objects(fist)["rod"], carry_objects(fist)["rod"])
