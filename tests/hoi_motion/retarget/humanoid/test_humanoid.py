"""What a retargeted humanoid does: feet, floor, hands, limits; and each way in which it can be refused."""

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pink
import pinocchio
import pytest
import yaml
from scipy.spatial.transform import Rotation

from hoi_motion.errors import ErrorCode, InputError, RetargetError, TavidError
from hoi_motion.motion import SupportBox
from hoi_motion.physics.bullet import pybullet
from hoi_motion.retarget.humanoid.apart import ApartTask
from hoi_motion.retarget.humanoid.humanoid import Humanoid
from hoi_motion.retarget.humanoid.motion import retarget_humanoid, turning_back
from hoi_motion.retarget.humanoid.scene_apart import SceneThings
from hoi_motion.retarget.humanoid.world import HumanoidWorld
from hoi_motion.retarget.replay import eye_yaw_deg
from hoi_motion.retarget.robot_motion import RobotMotion
from hoi_motion.retarget.robots.config import load_robot_config, robot_line, robots_folder


@pytest.fixture(scope="module")
def humanoid():
    return Humanoid(load_robot_config("humanoid"))


@pytest.fixture(scope="module")
def walked(stepping, humanoid, body):
    return retarget_humanoid(stepping, humanoid, body)


@pytest.fixture(scope="module")
def poses(walked, humanoid):
    positions = walked.positions_rad[:, np.argsort(humanoid.file_order)]
    return [humanoid.placements(q) for q in np.concatenate([walked.root_pose, positions], axis=1)]


@pytest.fixture(scope="module")
def world(stepping, humanoid, walked):
    with HumanoidWorld(humanoid, stepping, walked) as world:
        yield world


def soles(poses, humanoid, side) -> np.ndarray:  # (T, P, 3)
    T = np.stack([pose[f"{side}_foot"] for pose in poses])
    return np.einsum("tij,pj->tpi", T[:, :3, :3], humanoid.soles_m[side]) + T[:, None, :3, 3]


def test_one_sample_a_frame_and_frame_0_is_kept(walked, stepping):
    assert walked.source_time_s[0] == 0 and walked.fps == stepping.fps
    assert len(walked.positions_rad) == stepping.num_frames


@pytest.mark.parametrize("turn_deg", [0, 90, 200])
def test_the_eye_of_a_film_is_ahead_of_the_robot(walked, humanoid, turn_deg):
    turn = Rotation.from_euler("z", turn_deg, degrees=True)
    root_pose = walked.root_pose.copy()
    root_pose[:, 3:] = (turn * Rotation.from_quat(root_pose[:, 3:])).as_quat()
    seen = dataclasses.replace(walked, root_pose=root_pose)
    yaw_deg = eye_yaw_deg(seen, humanoid)
    view = pybullet.computeViewMatrixFromYawPitchRoll([0, 0, 0], 1.0, yaw_deg, 0, 0, 2)
    eye_m = np.linalg.inv(np.reshape(view, (4, 4)).T)[:3, 3]
    assert eye_m @ seen.T_world_root()[:3, :3] @ humanoid.body_axes[:, 2] > 0.7


def test_a_standing_foot_does_not_slide(poses, humanoid):
    steps = np.linalg.norm(np.diff(soles(poses, humanoid, "right"), axis=0), axis=-1)
    assert steps.max() < 0.005


def test_a_lifted_foot_leaves_the_floor(poses, humanoid):
    left = soles(poses, humanoid, "left")[..., 2].min(axis=1)
    assert left[6] > 0.05 and left[0] < 0.005 and left[-1] < 0.005


def test_pybullet_finds_nothing_in_the_floor(world, stepping):
    depths = []
    for frame in range(stepping.num_frames):
        world.show(frame)
        depths.append(world.depth_m("floor"))
    assert max(depths) <= 0.005


def test_the_hand_stays_at_the_object(world, stepping):
    contact = stepping.contacts[0]
    for frame in range(contact.start_frame, contact.end_frame, 3):
        world.show(frame)
        assert abs(world.hand_gap_m(contact.hand, contact.object_name)) <= 0.03


def test_joints_stay_within_their_limits(walked, humanoid):
    q = walked.positions_rad[:, np.argsort(humanoid.file_order)]
    assert (q >= humanoid.lower_rad - 1e-9).all() and (q <= humanoid.upper_rad + 1e-9).all()


def test_the_root_is_upright_and_faces_the_persons_way(poses, humanoid):
    left, up, forward = (poses[0]["pelvis"][:3, :3] @ humanoid.body_axes).T
    assert up[2] > 0.95 and forward[0] > 0.95


def test_the_same_input_gives_the_same_output(walked, stepping, humanoid, body):
    again = retarget_humanoid(stepping, humanoid, body)
    assert np.array_equal(again.positions_rad, walked.positions_rad) and again.facts == walked.facts


def test_any_frame_rate_is_kept(stepping, humanoid, body):
    result = retarget_humanoid(stepping.replace(fps=29.97), humanoid, body)
    assert result.fps == 29.97 and result.facts["foot_slide_m"] < 0.005


def test_a_scene_of_real_size_moves_the_robot_to_the_object(stepping, body):
    config = dataclasses.replace(load_robot_config("humanoid"), scene_scale=1.0)
    facts = retarget_humanoid(stepping, Humanoid(config), body).facts
    assert facts["scene_scale"] == 1.0 != facts["robot_scale"] and facts["hand_error_m"]["right_hand"] < 0.03


def test_a_motion_without_objects_is_followed(stepping, humanoid, body):
    facts = retarget_humanoid(stepping.replace(objects=(), contacts=()), humanoid, body).facts
    assert facts["hand_error_m"] == {} and facts["foot_slide_m"] < 0.005


def test_it_survives_its_file(walked, tmp_path):
    walked.save(tmp_path / "a.npz")
    back = RobotMotion.load(tmp_path / "a.npz")
    assert np.array_equal(back.root_pose, walked.root_pose) and back.facts == walked.facts


def test_one_frame_is_named(stepping, humanoid, body):
    one = stepping.replace(pose_rad=stepping.pose_rad[:1], transl_m=stepping.transl_m[:1], objects=(), contacts=())
    with pytest.raises(InputError, match="1 frame"):
        retarget_humanoid(one, humanoid, body)


def test_a_motion_with_nan_is_named(stepping):
    pose = stepping.pose_rad.copy()
    pose[3, 5] = np.nan
    with pytest.raises(InputError, match="pose_rad"):
        stepping.replace(pose_rad=pose)


def changed(tmp_path, **changes) -> str:
    data = yaml.safe_load((robots_folder() / "humanoid.yaml").read_text()) | changes
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(data))
    return str(tmp_path / "mine.yaml")


def refused(path: str, urdf: str = "") -> TavidError:
    with pytest.raises(TavidError) as caught:
        Humanoid(load_robot_config(path, urdf))
    return caught.value


def test_an_unknown_link_lists_the_valid_ones(tmp_path, humanoid):
    error = refused(changed(tmp_path, frames=humanoid.config.frames | {"chest": "torso"}))
    assert error.code == ErrorCode.ROBOT_UNKNOWN and "'torso'" in error.message and "left_knee" in error.hint


def test_an_unknown_joint_lists_the_valid_ones(tmp_path):
    error = refused(changed(tmp_path, home_rad={"elbow": 0.1}))
    assert error.code == ErrorCode.ROBOT_UNKNOWN and "left_elbow" in error.hint


def test_a_missing_body_part_is_named(tmp_path, humanoid):
    frames = {part: link for part, link in humanoid.config.frames.items() if part != "left_knee"}
    error = refused(changed(tmp_path, frames=frames))
    assert error.code == ErrorCode.CONFIG_INVALID and "left_knee" in error.message


def test_a_foot_without_a_sole_is_named(tmp_path):
    assert "left_sole_m" in refused(changed(tmp_path, left_sole_m=[])).message


@pytest.mark.parametrize("name, urdf", [("unitree_g1", "g1_29dof_rev_1_0.urdf"), ("unitree_h1", "h1.urdf")])
def test_a_robot_without_a_urdf_of_its_own_says_where_to_get_it(name, urdf):
    error = refused(name)
    assert error.code == ErrorCode.ROBOT_UNKNOWN and "--urdf" in error.hint
    assert f"/{urdf} of github.com/unitreerobotics/unitree_ros" in error.hint and urdf in robot_line(name)


def test_a_fixed_base_is_named(tmp_path, humanoid):
    text = Path(humanoid.config.urdf).read_text().rstrip("\0")
    held = '<link name="world"/><joint name="stand" type="fixed"><parent link="world"/><child link="base"/></joint>'
    (tmp_path / "held.urdf").write_text(text.replace("</robot>", held + "</robot>"))
    error = refused("humanoid", str(tmp_path / "held.urdf"))
    assert error.code == ErrorCode.ROBOT_UNKNOWN and "'stand'" in error.message


def test_missing_meshes_are_named(tmp_path):
    shutil.copy(load_robot_config("panda").urdf, tmp_path / "alone.urdf")
    error = refused("humanoid", str(tmp_path / "alone.urdf"))
    assert isinstance(error, RetargetError) and "link0.obj" in error.message


def later(motion, frames: int):
    """The motion without its first frames."""
    things = [dataclasses.replace(o, T_world_object=o.T_world_object[frames:]) for o in motion.objects]
    contacts = [
        dataclasses.replace(c, start_frame=max(0, c.start_frame - frames), end_frame=c.end_frame - frames)
        for c in motion.contacts
    ]
    return motion.replace(
        pose_rad=motion.pose_rad[frames:],
        transl_m=motion.transl_m[frames:],
        objects=tuple(things),
        contacts=tuple(contacts),
    )


def test_without_its_first_frame_the_rest_is_the_same(walked, stepping, humanoid, body):
    rest = retarget_humanoid(later(stepping, 1), humanoid, body)
    assert rest.root_pose == pytest.approx(walked.root_pose[1:], abs=1e-3)
    assert rest.positions_rad == pytest.approx(walked.positions_rad[1:], abs=0.01)


def test_no_joint_turns_back_from_frame_to_frame(walked):
    assert not turning_back(walked.positions_rad)[0].any()


def test_the_seen_hand_lies_on_the_object(walked):
    assert walked.facts["hand_gap_m"]["right_hand"] < 0.01


def test_links_stay_apart_where_a_person_folds_the_arms(stepping, humanoid, body):
    """The forearms of the person go through the belly."""
    pose = stepping.pose_rad.copy()
    pose[:, 16, 2], pose[:, 17, 2] = -1.3, 1.3
    pose[:, 18, 1], pose[:, 19, 1] = -2.2, 2.2
    folded = stepping.replace(pose_rad=pose, objects=(), contacts=())
    assert retarget_humanoid(folded, humanoid, body).facts["self_depth_m"] < 0.001


def test_gaps_between_links_change_as_their_derivative_says(humanoid):
    """The task's Jacobian beside differences of the gaps."""
    q = humanoid.home.copy()
    turned = np.random.default_rng(3).uniform(-0.4, 0.4, len(q) - 7)
    q[7:] = turned.clip(humanoid.lower_rad, humanoid.upper_rad)

    def measured(at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        configuration = pink.Configuration(humanoid.model, humanoid.model.createData(), at)
        task = ApartTask(humanoid.shapes)
        task.look(configuration.data)
        task.measure(configuration)
        return task._gaps, task._rows

    gaps, rows = measured(q)
    assert len(gaps)
    for k in range(6, humanoid.model.nv):
        step = np.zeros(humanoid.model.nv)
        step[k] = 1e-6
        after = measured(pinocchio.integrate(humanoid.model, q, step))[0]
        assert (after - gaps) / 1e-6 == pytest.approx(rows[:, k], abs=0.02)


@pytest.mark.parametrize("speed", ["0", "-1"])
def test_a_speed_limit_that_says_nothing_is_told_and_not_divided_by(tmp_path, stepping, body, speed):
    source = Path(load_robot_config("humanoid").urdf)
    text = source.read_text().rstrip("\x00").replace('velocity="0.5"', f'velocity="{speed}"')
    (tmp_path / "r.urdf").write_text(text)
    config = dataclasses.replace(load_robot_config("humanoid", str(tmp_path / "r.urdf")), velocity_rad_s={})
    facts = retarget_humanoid(stepping, Humanoid(config), body).facts
    assert "left_knee" in facts["joints_without_speed_limit"] and np.isfinite(facts["velocity_over_limit"])


def test_a_joint_that_mimics_another_follows_it_in_every_frame(tmp_path, stepping, body):
    """Both elbows are one: the left leads, the right is half of it."""
    source = Path(load_robot_config("humanoid").urdf)
    text = source.read_text().rstrip("\x00")
    at = text.index('name="right_elbow"', text.index('<joint name="right_elbow"'))
    end = text.index("</joint>", at)
    mimic = '<mimic joint="left_elbow" multiplier="0.5" offset="0.1"/>'
    (tmp_path / "r.urdf").write_text(text[:end] + mimic + text[end:])
    result = retarget_humanoid(stepping, Humanoid(load_robot_config("humanoid", str(tmp_path / "r.urdf"))), body)
    left, right = (result.positions_rad[:, result.joint_names.index(f"{side}_elbow")] for side in ("left", "right"))
    assert np.ptp(left) > 0.05 and right == pytest.approx(0.5 * left + 0.1, abs=1e-6)


def test_a_table_where_the_legs_would_be_pushes_the_robot_back_and_its_feet_stay(stepping, humanoid, body, walked):
    T = np.eye(4)
    T[:3, 3] = [0.43, 0.4, 0.7]
    among = stepping.replace(supports=(SupportBox("table", np.array([0.6, 1.0, 0.06]), T),))
    kept = retarget_humanoid(among, humanoid, body)
    depths = []
    for result in (walked, kept):
        with HumanoidWorld(humanoid, among, result) as world:
            found = []
            for frame in range(among.num_frames):
                world.show(frame)
                found.append(world.depth_m("table"))
        depths.append(max(found))
    assert depths[0] > 0.05 and depths[1] < 0.003
    assert kept.facts["scene_depth_m"] < 1e-3 and kept.facts["foot_slide_m"] < 0.005


def test_a_hand_may_be_at_what_it_touches_and_the_rest_of_the_body_may_not(stepping, humanoid):
    """Spared are the joints of the touching hand, near the contact only."""
    contact = stepping.contacts[0]
    scene = SceneThings(humanoid, stepping, 1.0)
    (during,), (before,) = scene.at(contact.start_frame), scene.at(0)
    hand = humanoid.hand_joints("right_hand")
    assert during.spared == hand and humanoid.model.frames[humanoid._frame_ids["right_hand"]].parent in hand
    assert not hand & humanoid.hand_joints("left_hand")
    assert before.spared == frozenset()
