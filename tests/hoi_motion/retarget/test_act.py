"""What the instruction says of the act, and the path that an object takes for it."""

from dataclasses import replace

import numpy as np
import pytest

from hoi_motion.errors import ErrorCode, TavidError
from hoi_motion.execute.task import task_of
from hoi_motion.retarget.act import ACTS, LIFT_M, act_of, with_act


@pytest.mark.parametrize(
    "words, act",
    [
        ("A person picks up the", "lift"),
        ("the woman is pushing the", "slide"),
        ("The man who touches his ear picks up the", "lift"),
        ("Touch the", "touch"),
        ("moves the", ""),
        ("the mistaken", ""),
        ("", ""),
    ],
)
def test_the_act_is_that_of_the_last_known_verb_before_the_object(words, act):
    assert act_of(words) == act


@pytest.fixture(scope="module")
def paths(motion):
    """Act -> a motion whose object goes so; a slide goes 12 cm to the left."""
    resting = np.tile(motion.objects[0].T_world_object[0], (motion.num_frames, 1, 1))
    slid = resting.copy()
    slid[:, 1, 3] += 0.12 * np.clip((np.arange(motion.num_frames) - 10) / 5, 0, 1)

    def along(T):
        thing = replace(motion.objects[0], T_world_object=T)
        return motion.replace(objects=(thing,), camera=looking_down(motion.camera))

    return {
        "touch": along(resting),
        "slide": along(slid),
        "lift": along(motion.objects[0].T_world_object),
    }


@pytest.mark.parametrize("seen", ACTS)
@pytest.mark.parametrize("told", ACTS)
def test_the_object_does_what_was_told_or_it_is_said_that_nothing_shows_where_to(paths, body, seen, told):
    if (seen, told) == ("touch", "slide"):  # neither object nor hand goes anywhere
        with pytest.raises(TavidError) as error:
            with_act(paths[seen], told, body)
        assert error.value.code is ErrorCode.UNREACHABLE
        return
    made = with_act(paths[seen], told, body)
    assert task_of(made, "bar").kind == told
    assert (made is paths[seen]) == (seen == told)
    assert np.allclose(made.objects[0].T_world_object[0], paths[seen].objects[0].T_world_object[0])


def test_what_shows_no_height_is_lifted_by_a_hands_breadth_and_held_to_the_end(paths, body):
    short = paths["touch"].replace(contacts=(replace(paths["touch"].contacts[0], end_frame=12),))
    made = with_act(short, "lift", body)
    assert np.ptp(made.objects[0].T_world_object[:, 2, 3]) == pytest.approx(LIFT_M)
    assert made.contacts[0].end_frame == made.num_frames


def test_a_lift_that_is_told_to_be_a_slide_goes_where_the_camera_saw_it(paths, body):
    """The path is the same one in the picture, at the height at which the object stood."""
    T = paths["slide"].objects[0].T_world_object.copy()
    T[:, 2, 3] += 0.4 * np.abs(T[:, 1, 3] - T[0, 1, 3])
    camera = paths["slide"].camera
    seen = paths["slide"].replace(objects=(replace(paths["slide"].objects[0], T_world_object=T),))
    made = with_act(seen, "slide", body).objects[0].T_world_object
    assert np.ptp(made[:, 2, 3]) < 1e-9
    np.testing.assert_allclose(camera.project(made[:, :3, 3]), camera.project(T[:, :3, 3]), atol=1e-6)


def test_what_is_slid_does_not_sink_into_its_support(paths, body):
    T = paths["slide"].objects[0].T_world_object.copy()
    T[:, 2, 3] -= 0.4 * np.abs(T[:, 1, 3] - T[0, 1, 3])
    seen = paths["slide"].replace(objects=(replace(paths["slide"].objects[0], T_world_object=T),))
    assert task_of(seen, "bar").kind == "slide"
    made = with_act(seen, "slide", body)
    level = made.objects[0].T_world_object
    assert np.ptp(level[:, 2, 3]) < 1e-9
    np.testing.assert_allclose(seen.camera.project(level[:, :3, 3]), seen.camera.project(T[:, :3, 3]), atol=1e-6)
    assert "sink" in made.notes[-1]


def test_what_only_sinks_along_the_line_of_sight_is_left_as_it_is(paths, body):
    """At the height of the support it would go nowhere."""
    eye_m = paths["slide"].camera.T_world_camera[:3, 3]
    T = paths["touch"].objects[0].T_world_object.copy()
    away = (T[0, :3, 3] - eye_m) / np.linalg.norm(T[0, :3, 3] - eye_m)
    T[:, :3, 3] += 0.06 * np.clip((np.arange(len(T)) - 10) / 5, 0, 1)[:, None] * away
    seen = paths["slide"].replace(objects=(replace(paths["slide"].objects[0], T_world_object=T),))
    assert task_of(seen, "bar").kind == "slide"
    assert with_act(seen, "slide", body) is seen


def looking_down(camera):
    """From 2 m in front and 2 m above, towards the object."""
    T = np.eye(4)
    z = np.array([-1.5, 0.0, -1.2]) / np.linalg.norm([-1.5, 0.0, -1.2])
    x = np.array([0.0, 1.0, 0.0])
    T[:3, :3] = np.stack([x, np.cross(z, x), z], axis=1)
    T[:3, 3] = [2.0, 0.1, 2.0]
    return replace(camera, T_world_camera=T)


def test_without_an_act_the_path_stays(motion, body):
    assert with_act(motion, "", body) is motion


def test_an_unknown_act_is_refused_by_name(motion, body):
    with pytest.raises(TavidError, match="'throw'") as error:
        with_act(motion, "throw", body)
    assert error.value.code is ErrorCode.CONFIG_INVALID
