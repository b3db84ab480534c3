"""The node across processes, over real ROS 2: both doors, refusals, cancel, parameters and lifecycle while planning."""

import time
from pathlib import Path

import numpy as np
import pytest
from action_msgs.msg import GoalStatus
from action_msgs.srv import CancelGoal
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import Point, PointStamped
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import DescribeParameters, GetParameters, SetParameters
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from tavid_planner.bundle import load_plan_json
from tavid_planner.errors import ErrorCode
from tavid_planner.ros.client import PlanClient
from tavid_planner.ros.conversions import image_from_mask, image_from_rgb, rgb_from_image
from tavid_planner_interfaces.action import PlanInteraction as PlanAction
from tavid_planner_interfaces.srv import PlanInteraction as PlanService

ANSWER_S = 180
"""Far above what an answer takes, for machines that are busy."""


def feedback_until(client, stage: str) -> PlanAction.Feedback:
    deadline = time.monotonic() + ANSWER_S
    while client.feedback is None or client.feedback.stage != stage:
        assert not client.is_done(timeout_s=0.05), client.result()
        assert time.monotonic() < deadline, f"no feedback from stage {stage}"
    return client.feedback


def plan_once_free(client, goal) -> None:
    """A plan after one that was cancelled, which ends only after its cancel is accepted."""
    client.send_goal(goal(), ANSWER_S)
    deadline = time.monotonic() + ANSWER_S
    while client.result(ANSWER_S).error_code == ErrorCode.BUSY:
        assert time.monotonic() < deadline
        client.send_goal(goal(), ANSWER_S)
    assert client.error() is None


def test_service_gives_the_whole_plan(call, goal, motion):
    answer = call(PlanService, "plan_interaction", goal(kind=PlanService.Request))
    assert (answer.error_code, answer.error_msg, answer.verdict) == (0, "", "PASS")
    assert load_plan_json(answer.plan_path)["verdict"] == "PASS"
    assert answer.motion.num_frames == motion.num_frames == len(answer.object_poses.poses)
    np.testing.assert_array_equal(np.reshape(answer.motion.pose_rad, (-1, 55, 3)), motion.pose_rad)
    for header in (answer.motion.header, answer.object_poses.header, answer.objects[0].poses.header):
        assert (header.frame_id, header.stamp.sec) == ("camera", 12)
    assert [c.object_name for c in answer.contacts] == ["target"]
    assert {t.stage for t in answer.stage_times} >= {"input", "video", "lift", "check", "save"}


def test_action_reports_every_stage_and_succeeds(client, goal):
    heard = []
    client.send_goal(goal("steadily picks up the [TGT] mug"), ANSWER_S, on_feedback=heard.append)
    client.result(ANSWER_S)
    assert client.status == GoalStatus.STATUS_SUCCEEDED
    assert client.error() is None
    stages = list(dict.fromkeys(f.stage for f in heard))
    # reading the input and finding the models loaded are over at once: their feedback may be overtaken
    assert [s for s in stages if s not in ("input", "load")] == ["video", "lift", "check", "save"]
    assert all(0 <= f.fraction <= 1 and f.message for f in heard)


def test_plan_that_fails_its_check_aborts_with_the_plan(client, goal):
    client.send_goal(goal("fails to pick up the [TGT] mug"), ANSWER_S)
    result = client.result(ANSWER_S)
    assert client.status == GoalStatus.STATUS_ABORTED
    assert (result.error_code, result.verdict) == (ErrorCode.CHECK_FAILED, "FAIL")
    assert "3.1 cm" in result.error_msg
    assert (Path(result.plan_path) / "video.mp4").is_file()


def test_cancel_in_the_middle_stops_the_plan_and_leaves_nothing(client, goal, folder):
    before = sorted(p.name for p in (folder / "plans").glob("*"))
    client.send_goal(goal("slowly picks up the [TGT] mug"), ANSWER_S)
    feedback_until(client, "video")
    assert client.cancel(ANSWER_S)
    result = client.result(ANSWER_S)
    assert client.status == GoalStatus.STATUS_CANCELED
    assert (result.error_code, result.error_stage) == (ErrorCode.CANCELLED, "video")
    assert result.planning_time.sec < 60, "the plan ran on after the cancel"
    assert sorted(p.name for p in (folder / "plans").glob("*")) == before


def test_an_error_in_the_clients_block_cancels_its_plan(client, goal):
    with pytest.raises(ZeroDivisionError), PlanClient(namespace=client.node.get_namespace()) as leaving:
        leaving.send_goal(goal("slowly picks up the [TGT] mug"), ANSWER_S)
        feedback_until(leaving, "video")
        raise ZeroDivisionError
    plan_once_free(client, goal)


def test_anybody_may_cancel_what_nobody_waits_for(client, call, goal):
    with PlanClient(namespace=client.node.get_namespace()) as leaving:
        leaving.send_goal(goal("slowly picks up the [TGT] mug"), ANSWER_S)
        feedback_until(leaving, "video")
    client.send_goal(goal(), ANSWER_S)
    assert client.result(ANSWER_S).error_code == ErrorCode.BUSY, "the plan has ended with its client"
    answer = call(CancelGoal, "plan_interaction/_action/cancel_goal", CancelGoal.Request())
    assert len(answer.goals_canceling) == 1
    plan_once_free(client, goal)


def empty_mask(mask):
    return image_from_mask(np.zeros_like(mask))


def small_mask(mask):
    return image_from_mask(mask[:-2])


def grey_mask(mask):
    message = image_from_mask(mask)
    message.data[0] = 7
    return message


def colour_mask(mask):
    return image_from_rgb(np.stack([mask] * 3, 2).astype(np.uint8))


def torn_mask(mask):
    message = image_from_mask(mask)
    message.data = message.data[:-10]
    return message


@pytest.mark.parametrize(
    "broken, code",
    [
        (empty_mask, ErrorCode.MASK_EMPTY),
        (small_mask, ErrorCode.SIZE_MISMATCH),
        (grey_mask, ErrorCode.MASK_INVALID),
        (colour_mask, ErrorCode.ENCODING_UNSUPPORTED),
        (torn_mask, ErrorCode.MASK_INVALID),
    ],
)
def test_bad_mask_is_refused_by_name(client, goal, make_request, broken, code):
    client.send_goal(goal(target_mask=broken(make_request().target_mask)), ANSWER_S)
    result = client.result(ANSWER_S)
    assert client.status == GoalStatus.STATUS_ABORTED
    assert (result.error_code, result.error_stage, result.plan_path) == (code, "input", "")
    assert "mask" in result.error_msg and "\n" not in result.error_msg


@pytest.mark.parametrize(
    "fields, code",
    [
        ({"instruction": ""}, ErrorCode.INSTRUCTION_INVALID),
        ({"instruction": "x" * 10_000}, ErrorCode.INSTRUCTION_INVALID),
        ({"profile": "nope"}, ErrorCode.CONFIG_INVALID),
        ({"robot": "r2d2"}, ErrorCode.ROBOT_UNKNOWN),
        ({"image": Image(width=1, height=1, step=3, encoding="rgb8", data=[1, 2, 3])}, ErrorCode.IMAGE_INVALID),
    ],
)
def test_bad_request_gets_its_code(client, goal, fields, code):
    client.send_goal(goal(**fields), ANSWER_S)
    result = client.result(ANSWER_S)
    assert (result.error_code, result.plan_path) == (code, "")
    assert client.status == GoalStatus.STATUS_ABORTED
    assert "\n" not in result.error_msg


def test_node_serves_on_after_an_error_nobody_foresaw(client, call, goal):
    client.send_goal(goal("crashes into the [TGT] mug"), ANSWER_S)
    assert client.result(ANSWER_S).error_code == ErrorCode.INTERNAL
    assert call(PlanService, "plan_interaction", goal(kind=PlanService.Request)).error_code == ErrorCode.NONE


def test_second_request_is_refused_as_busy_on_both_doors(client, call, goal):
    client.send_goal(goal("slowly picks up the [TGT] mug"), ANSWER_S)
    feedback_until(client, "video")
    second = client.wait(client.actions.send_goal_async(goal()), ANSWER_S)
    answer = client.wait(second.get_result_async(), ANSWER_S)
    assert answer.status == GoalStatus.STATUS_ABORTED
    assert answer.result.error_code == PlanAction.Result.BUSY
    assert call(PlanService, "plan_interaction", goal(kind=PlanService.Request)).error_code == PlanAction.Result.BUSY
    for wrong, code in (
        ({"instruction": ""}, ErrorCode.INSTRUCTION_INVALID),
        ({"robot": "nobody"}, ErrorCode.ROBOT_UNKNOWN),
        ({"profile": "nowhere"}, ErrorCode.CONFIG_INVALID),
    ):
        told = call(PlanService, "plan_interaction", goal(kind=PlanService.Request, **wrong)).error_code
        assert told == code, "what is wrong in itself is said, since no waiting helps"
    assert not client.is_done(), "the first one was disturbed"
    client.cancel(ANSWER_S)
    assert client.result(ANSWER_S).error_code == ErrorCode.CANCELLED


def test_parameters_and_diagnostics_are_answered_while_planning(client, call, goal):
    seen = []
    subscription = client.node.create_subscription(DiagnosticArray, "/diagnostics", seen.append, 10)
    client.send_goal(goal("slowly picks up the [TGT] mug"), ANSWER_S)
    feedback_until(client, "video")
    steps = Parameter(name="video.num_inference_steps")

    def set_steps(value: int):
        steps.value = ParameterValue(type=ParameterType.PARAMETER_INTEGER, integer_value=value)
        request = SetParameters.Request(parameters=[steps])
        return call(SetParameters, "tavid_planner/set_parameters", request).results[0]

    assert set_steps(7).successful
    refused = set_steps(100_000)
    assert not refused.successful and refused.reason
    request = GetParameters.Request(names=["video.num_inference_steps", "video.guidance"])
    values = call(GetParameters, "tavid_planner/get_parameters", request).values
    assert (values[0].integer_value, values[1].string_value) == (7, "static")
    deadline = time.monotonic() + ANSWER_S
    while not any(kv.key == "planning" and kv.value == "true" for m in seen for kv in m.status[0].values):
        assert time.monotonic() < deadline, "no diagnostics while planning"
        client.is_done(timeout_s=0.1)
    assert f"{client.node.get_namespace().strip('/')}/tavid_planner: planner" in {m.status[0].name for m in seen}
    assert not client.is_done(), "the plan was not running any more"
    client.cancel(ANSWER_S)
    client.result(ANSWER_S)
    client.node.destroy_subscription(subscription)


def test_parameters_are_described_from_the_config(call):
    request = DescribeParameters.Request(names=["video.num_inference_steps", "video.guidance", "profile"])
    steps, guidance, profile = call(DescribeParameters, "tavid_planner/describe_parameters", request).descriptors
    assert (steps.description, steps.integer_range[0].to_value) == ("denoising steps", 1000)
    assert "released" in guidance.additional_constraints
    assert profile.read_only and not steps.read_only


def test_empty_request_takes_the_topics_unless_they_are_stale(client, goal, make_request):
    def ask() -> PlanAction.Result:
        client.send_goal(goal(image=Image(), target_mask=Image()), ANSWER_S)
        return client.result(ANSWER_S)

    def publish(age_s: float) -> None:
        stamp = client.node.get_clock().now().nanoseconds - int(age_s * 1e9)
        header = Header(frame_id="camera")
        header.stamp.sec, header.stamp.nanosec = divmod(stamp, 10**9)
        images.publish(image_from_rgb(make_request().rgb, header))
        masks.publish(image_from_mask(make_request().target_mask, header))
        time.sleep(0.2)

    assert ask().error_code == ErrorCode.NO_IMAGE
    images = client.node.create_publisher(Image, "image_raw", qos_profile_sensor_data)
    masks = client.node.create_publisher(Image, "target_mask", qos_profile_sensor_data)
    deadline = time.monotonic() + ANSWER_S
    while images.get_subscription_count() == 0 or masks.get_subscription_count() == 0:
        assert time.monotonic() < deadline, "the node does not subscribe"
        time.sleep(0.05)
    for age_s, code in ((60.0, ErrorCode.IMAGE_STALE), (-1.0, ErrorCode.NONE)):
        publish(age_s)
        result = ask()
        while result.error_code != code and time.monotonic() < deadline:  # best effort: a message may be lost
            publish(age_s)
            result = ask()
        assert result.error_code == code, result.error_msg


def test_plan_is_played_as_a_video(client, goal, video):
    frames = []
    subscription = client.node.create_subscription(Image, "tavid_planner/plan_video", frames.append, 20)
    client.send_goal(goal(), ANSWER_S)
    assert client.result(ANSWER_S).error_code == ErrorCode.NONE
    last = video.frames[-1]
    deadline = time.monotonic() + ANSWER_S
    while not frames or not np.array_equal(rgb_from_image(frames[-1]), last):
        assert time.monotonic() < deadline, f"{len(frames)} frames came, not the last one"
        client.node.executor.spin_once(timeout_sec=0.1)
    assert frames[-1].header.frame_id == "camera"
    client.node.destroy_subscription(subscription)


def test_inactive_node_refuses_and_serves_again_when_activated(client, call, goal):
    def change(transition: int) -> bool:
        request = ChangeState.Request(transition=Transition(id=transition))
        return call(ChangeState, "tavid_planner/change_state", request).success

    client.send_goal(goal("slowly picks up the [TGT] mug"), ANSWER_S)
    feedback_until(client, "video")
    assert change(Transition.TRANSITION_DEACTIVATE)
    ended = client.result(ANSWER_S)
    assert ended.error_code == ErrorCode.CANCELLED and "deactivated" in ended.error_msg
    client.send_goal(goal(), ANSWER_S)
    refused = client.result(ANSWER_S)
    assert refused.error_code == ErrorCode.BUSY and "deactivated" in refused.error_msg
    client.send_goal(goal(target_mask=Image(), target_point=PointStamped(point=Point(x=-1.0, y=1.0))), ANSWER_S)
    assert client.result(ANSWER_S).error_code == ErrorCode.BUSY  # at once, before a target is searched for
    assert change(Transition.TRANSITION_ACTIVATE)
    client.send_goal(goal(), ANSWER_S)
    assert client.result(ANSWER_S).error_code == ErrorCode.NONE


def test_ctrl_c_in_the_middle_of_a_plan_ends_cleanly(obedient_node, plan, goal, tmp_path):
    with obedient_node(tmp_path, plan, "max_waiting:=1") as (node, client):
        client.send_goal(goal("slowly picks up the [TGT] mug"), ANSWER_S)
        feedback_until(client, "video")
        waiting = client.wait(client.actions.send_goal_async(goal()), ANSWER_S)
        assert waiting.accepted
        assert node.interrupt(ANSWER_S) == 130
        assert "Traceback" not in node.log and "never retrieved" not in node.log
        assert node.log.splitlines()[-1].startswith("error: CANCELLED")
        assert not list((tmp_path / "plans").glob("*"))
