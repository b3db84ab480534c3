"""The robot stage of a plan: its joints, what physics says, and which sample is kept for it."""

import json
from dataclasses import replace

import numpy as np
import pytest

from hoi_motion.body import load_body
from hoi_motion.execute.execution import Execution
from hoi_motion.execute.feeling.search import Feeler
from hoi_motion.progress import CancelToken
from hoi_motion.retarget.robot_motion import RobotMotion
from hoi_motion.retarget.robots.config import robots_folder
from tavid_planner.bundle import save_plan
from tavid_planner.config import load_profile
from tavid_planner.errors import ErrorCode, TavidError
from tavid_planner.planner import Planner
from tavid_planner.robot_stage import RobotPlan, RobotStage, RobotStageConfig, target_noun, told_act
from tavid_planner.sample import Sample, choose
from tests.hoi_motion.retarget.conftest import lifting


def execution(why_not: str = "") -> Execution:
    path = np.tile(np.eye(4), (2, 1, 1))
    stages = ("reach",) if why_not else ("reach", "touch", "place")
    return Execution("arm", "target", "touch", why_not, stages, 0.0, 0.004, 0.0, 0.0, 0.0, {}, {}, 1.0, path, 10.0)


def robot_motion() -> RobotMotion:
    root = np.tile([0, 0, 0, 0, 0, 0, 1.0], (5, 1))
    return RobotMotion("arm", ("shoulder", "elbow"), np.zeros((5, 2)), root, 50.0, np.arange(5) / 50)


@pytest.mark.parametrize(
    "instruction, noun",
    [
        ("picks up the [TGT] mug", "mug"),
        ("The woman slides the [TGT] small blue box, slowly.", "small blue box"),
        ("picks up the mug", ""),
    ],
)
def test_the_target_is_called_what_stands_behind_its_mark(instruction, noun):
    assert target_noun(instruction) == noun


def test_what_works_in_physics_is_kept_before_what_passes_the_check(make_request, video, motion, report):
    whole = Sample(1, video, motion, report)
    works = replace(whole, seed=2, robot=RobotPlan("arm", robot_motion(), execution()))
    fails = replace(whole, seed=3, robot=RobotPlan("arm", robot_motion(), execution("it slipped")))
    cannot = replace(whole, seed=4, robot=RobotPlan("arm", error="out of reach"))
    assert choose([fails, cannot, works], make_request()).seed == 2


def test_the_right_person_counts_more_than_a_robot_that_succeeds(make_request, video, motion, report):
    whole = Sample(1, video, motion, report, right_people=True)
    another = replace(whole, seed=2, right_people=False, robot=RobotPlan("arm", robot_motion(), execution()))
    assert choose([another, whole], make_request()).seed == 1


def test_of_two_that_work_the_one_is_kept_that_works_at_more_places(make_request, video, motion, report):
    whole = Sample(1, video, motion, report)
    narrow = replace(
        whole, seed=2, robot=RobotPlan("arm", robot_motion(), execution(), beside=(False, True, False, False))
    )
    steady = replace(
        whole, seed=3, robot=RobotPlan("arm", robot_motion(), execution(), beside=(True, True, True, False))
    )
    assert narrow.robot.chance == 0.4 and "at 4 of 5 places" in steady.robot.sentence
    assert choose([narrow, steady], make_request()).seed == 3


@pytest.mark.parametrize(
    "instruction, act",
    [("pushes the [TGT] mug that she lifts", "slide"), ("picks up the mug", "lift"), ("looks at the [TGT] mug", "")],
)
def test_the_act_is_told_by_the_words_before_the_target(instruction, act):
    assert told_act(instruction) == act


def test_a_robot_that_nobody_knows_is_refused_before_any_work(make_request):
    planner = Planner(load_profile("mini"))
    with pytest.raises(TavidError) as error:
        planner.plan(make_request(robot="r2d2"))
    assert error.value.code is ErrorCode.ROBOT_UNKNOWN and not planner.loaded


def test_a_robot_whose_name_leads_out_of_the_bundle_is_refused(tmp_path):
    known = (robots_folder() / "humanoid.yaml").read_text()
    (tmp_path / "mine.yaml").write_text(f'name: "../../mine"\n{known}')
    with pytest.raises(TavidError, match="a robot's name is '../../mine'") as error:
        RobotStage(RobotStageConfig(name=str(tmp_path / "mine.yaml")))
    assert error.value.code is ErrorCode.CONFIG_INVALID


def test_the_bundle_holds_what_the_robot_does(plan, tmp_path):
    feeler = Feeler(robot_motion(), plan.motion, load_body())
    plan = replace(plan, robot=RobotPlan("arm", robot_motion(), execution("it slipped"), feeler=feeler))
    folder = save_plan(plan, tmp_path / "plan")
    written = json.loads((folder / "plan.json").read_text())
    assert RobotMotion.load(folder / "robot" / "arm.npz").joint_names == ("shoulder", "elbow")
    assert json.loads((folder / "robot" / "arm_execution.json").read_text())["why_not"] == "it slipped"
    assert {"robot/arm_feeling.npz", "robot/arm_feeling_trajectory.json"} <= set(written["files"])
    assert {"robot/arm.npz", "robot/arm_trajectory.json", "robot/arm_execution.json"} <= set(written["files"])
    assert written["robot"]["done"] is False and any("it slipped" in reason for reason in written["reasons"])


def test_a_robot_that_cannot_do_it_is_a_sentence_of_the_plan(plan, tmp_path):
    plan = replace(plan, robot=RobotPlan("arm", error="out of reach"))
    folder = save_plan(plan, tmp_path / "plan")
    assert not (folder / "robot").exists() and "out of reach" in (folder / "plan.json").read_text()


PANDA_START = {f"panda_joint{i + 1}": value for i, value in enumerate([0.2, -0.6, 0.1, -2.2, 0.0, 1.7, 0.6])}


def told_start(values: dict) -> str:
    return ", ".join(f"{name}={value}" for name, value in values.items())


def test_an_arm_begins_where_it_is_said_to_stand_whatever_the_order_of_its_joints():
    backwards = dict(reversed(PANDA_START.items()))
    stage = RobotStage(RobotStageConfig(name="panda", start=told_start(backwards), execute=False))
    plan = stage.answer(lifting(), load_body(), "can", "", CancelToken())
    np.testing.assert_allclose(plan.motion.positions_rad[0, :7], list(PANDA_START.values()), atol=1e-9)


def test_a_start_that_a_request_gives_counts_more_than_the_profiles():
    elsewhere = PANDA_START | {"panda_joint1": -0.4}
    stage = RobotStage(RobotStageConfig(name="panda", start=told_start(elsewhere), execute=False))
    plan = stage.answer(lifting(), load_body(), "can", "", CancelToken(), PANDA_START)
    np.testing.assert_allclose(plan.motion.positions_rad[0, :7], list(PANDA_START.values()), atol=1e-9)


def test_a_start_beyond_a_joints_limits_is_refused_before_any_work():
    stage = RobotStage(RobotStageConfig(name="panda"))
    with pytest.raises(TavidError, match="start of panda_joint4 is 1"):
        stage.check_start(PANDA_START | {"panda_joint4": 1.0})


@pytest.mark.parametrize("start", ["panda_joint1", "panda_joint1=fast", "a=1, a=2", "a=nan", "a=1=2"])
def test_a_start_that_is_no_list_of_joints_is_refused_when_the_profile_is_read(start):
    with pytest.raises(TavidError, match="robot.start") as error:
        RobotStageConfig(start=start)
    assert error.value.code is ErrorCode.CONFIG_INVALID


def test_a_start_that_leaves_a_joint_out_is_refused_with_the_arms_joints():
    some = {name: value for name, value in PANDA_START.items() if name != "panda_joint7"}
    stage = RobotStage(RobotStageConfig(name="panda", start=told_start(some)))
    with pytest.raises(TavidError, match="panda_joint7"):
        stage.answer(lifting(), load_body(), "can", "", CancelToken())


@pytest.mark.slow
def test_an_arm_does_in_physics_what_a_person_did_and_its_scene_shows_the_same():
    from training.scenes.scene import generate_scene

    scene = generate_scene(5, 48, 72, 25, supersampling=1)
    stage = RobotStage(RobotStageConfig(name="panda_wide"))
    noun = target_noun(scene.caption)
    plan = stage.answer(scene.motion, load_body(), noun, told_act(scene.caption), CancelToken())
    assert plan.done, plan.sentence
    shown = stage.scene(plan, scene.motion, noun)
    target = next(part for part in shown.parts if part.name == plan.motion.facts["object"])
    assert np.allclose(target.T_world_part[-1, :3, 3], plan.execution.T_world_object[-1, :3, 3], atol=5e-3)
