"""One body goes through a whole plan: loaded once, whatever file it is from, and nobody loads another in between."""

import numpy as np
import pytest

from hoi_motion.body import BodyModel, forget_bodies, loaded
from hoi_motion.body.free_body_file import read_free_body, smplx_arrays
from hoi_motion.motion import HoiMotion
from tavid_planner.bundle import load_plan_json, save_plan
from tavid_planner.config import load_profile, with_options
from tavid_planner.planner import Planner
from tavid_planner.request import InteractionRequest
from training.scenes.scene import HELD_OUT_SEED, generate_scene


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    """A plan of the mini profile with an SMPL-X file of another name than the free body's, saved; and all loads."""
    folder = tmp_path_factory.mktemp("another_body")
    np.savez(folder / "SMPLX_NEUTRAL.npz", **smplx_arrays(read_free_body()))
    config = with_options(load_profile("mini"), [f"lift.body_model={folder / 'SMPLX_NEUTRAL.npz'}"])
    scene = generate_scene(HELD_OUT_SEED, 96, 144, 17, 8.0)
    request = InteractionRequest(scene.frames[0], scene.target_mask, scene.caption, intrinsics=scene.K)
    loads = []

    def counted(path, num_betas):
        loads.append(str(path))
        return read_body(path, num_betas)

    forget_bodies()
    read_body = loaded.read_body
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loaded, "read_body", counted)
        plan = Planner(config).plan(request)
        bundle = save_plan(plan, folder / "plan")
    return plan, bundle, loads


@pytest.mark.slow
def test_one_plan_loads_one_body_once(planned):
    plan, _, loads = planned
    assert loads == [plan.body.source]


@pytest.mark.slow
def test_the_bundle_of_another_body_is_whole(planned):
    plan, bundle, _ = planned
    assert plan.motion.body_model == HoiMotion.load(bundle / "motion.npz").body_model == "smplx-neutral"
    data = load_plan_json(bundle)
    assert data["not_drawn"] == {} and {"motion.glb", "overlay.mp4", "report.html"} <= set(data["files"])
    assert "body smplx-neutral" in (bundle / "report.html").read_text()


@pytest.mark.slow
def test_the_ros_answer_and_its_markers_are_of_that_body(planned):
    from std_msgs.msg import Header

    from tavid_planner.ros.results import fill_plan
    from tavid_planner_interfaces.action import PlanInteraction

    plan, bundle, _ = planned
    result = PlanInteraction.Result()
    fill_plan(result, plan, str(bundle), Header())
    assert result.motion.body_model == "smplx-neutral" and result.verdict == plan.verdict
    joints_m = plan.body.joints(plan.motion.pose_rad, plan.motion.transl_m, plan.motion.betas).numpy()
    assert np.array_equal(plan.posed.keypoints_m, joints_m)
    assert isinstance(plan.body, BodyModel)
