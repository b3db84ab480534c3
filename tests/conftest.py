"""Small, whole examples of what flows between the rooms."""

import gc
import os
from pathlib import Path

import hypothesis
import numpy as np
import pytest

from hoi_motion.camera import Camera
from hoi_motion.motion import Contact, HoiMotion, ObjectMotion, SupportBox
from hoi_motion.physics.report import CheckResult, PhysicsReport, Verdict
from tavid_planner.plan import InteractionPlan, InteractionVideo, SampleScore
from tavid_planner.request import InteractionRequest

if "PYTEST_XDIST_WORKER" in os.environ:  # one core a process, also for those that tests start
    os.environ["OMP_NUM_THREADS"] = "1"

# a busy machine is no bug: time limits belong to the suite, not to one example
hypothesis.settings.register_profile("tavid", deadline=None, derandomize=True, max_examples=50)
hypothesis.settings.load_profile("tavid")


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Reading the tests imports millions of objects that stay: the collector need not look for garbage in them."""
    gc.disable()
    collected = yield
    gc.freeze()
    gc.enable()
    return collected


def pytest_collection_modifyitems(items):
    """Files with slow tests first, whole and otherwise in their order: at the end no worker is left alone with one."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


FRAMES = 9
HEIGHT = 64
WIDTH = 96
FPS = 8.0
BOX_FACES = [
    (0, 2, 1),
    (0, 3, 2),
    (4, 5, 6),
    (4, 6, 7),
    (0, 1, 5),
    (0, 5, 4),
    (1, 2, 6),
    (1, 6, 5),
    (2, 3, 7),
    (2, 7, 6),
    (3, 0, 4),
    (3, 4, 7),
]


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory) -> Path:
    from tiny_model import write_tiny_model

    return write_tiny_model(tmp_path_factory.mktemp("tiny") / "base")


@pytest.fixture(scope="session")
def tiny_adapter(tmp_path_factory, tiny_base) -> Path:
    from tiny_model import write_tiny_adapter

    return write_tiny_adapter(tmp_path_factory.mktemp("tiny") / "adapter", tiny_base)


@pytest.fixture(scope="session")
def tiny_wan(tmp_path_factory) -> Path:
    """Of the kind whose first frame is the image, as 2.2 TI2V."""
    from tiny_wan import write_tiny_wan

    return write_tiny_wan(tmp_path_factory.mktemp("tiny_wan") / "base")


@pytest.fixture(scope="session")
def tiny_wan_adapter(tmp_path_factory, tiny_wan) -> Path:
    from tiny_wan import write_tiny_wan_adapter

    return write_tiny_wan_adapter(tmp_path_factory.mktemp("tiny_wan") / "adapter", tiny_wan, attention_blocks=[1])


@pytest.fixture
def make_request():
    """A function that makes a request; keyword arguments replace its fields."""

    def make(**changes) -> InteractionRequest:
        mask = np.zeros((HEIGHT, WIDTH), bool)
        mask[36:50, 60:72] = True
        rgb = np.full((HEIGHT, WIDTH, 3), 200, np.uint8)
        rgb[mask] = (200, 40, 40)
        fields = {"rgb": rgb, "target_mask": mask, "instruction": "picks up the [TGT] mug", "seed": 7}
        return InteractionRequest(**(fields | changes))

    return make


@pytest.fixture
def clip_frames() -> int:
    """Of `motion` and `video`; folders whose tests draw and save many plans have fewer."""
    return FRAMES


@pytest.fixture
def motion(clip_frames) -> HoiMotion:
    """A figure in the rest pose that stands before a box on a table, the right hand in contact at the end."""
    corners = np.array(
        [(-1, -1, -1), (1, -1, -1), (1, 1, -1), (-1, 1, -1), (-1, -1, 1), (1, -1, 1), (1, 1, 1), (-1, 1, 1)]
    )
    T_world_object = np.tile(np.eye(4), (clip_frames, 1, 1))
    T_world_object[:, :3, 3] = (0.2, -0.5, 0.85)
    T_world_table = np.eye(4)
    T_world_table[:3, 3] = (0.0, -0.6, 0.4)
    # camera three metres in front of the figure (which faces -y), at chest height, looking along +y
    T_world_camera = np.eye(4)
    T_world_camera[:3, :3] = [[1, 0, 0], [0, 0, 1], [0, -1, 0]]
    T_world_camera[:3, 3] = (0.0, -3.0, 1.0)
    pose_rad = np.zeros((clip_frames, 55, 3), np.float32)
    pose_rad[:, 0, 0] = np.pi / 2  # the body's y axis points up
    return HoiMotion(
        pose_rad=pose_rad,
        transl_m=np.tile(np.float32([0, 0, 1.3]), (clip_frames, 1)),
        betas=np.zeros(10, np.float32),
        fps=FPS,
        body_model="anny-free",
        camera=Camera([[90, 0, 47.5], [0, 90, 31.5], [0, 0, 1]], T_world_camera, WIDTH, HEIGHT),
        objects=(ObjectMotion("target", corners * 0.05, BOX_FACES, T_world_object, shape="box"),),
        supports=(SupportBox("table", (1.2, 0.5, 0.8), T_world_table),),
        contacts=(Contact("right_hand", "target", 5 * clip_frames // 9, clip_frames, 0.9),),
        diagnostics={"reprojection_px": 1.5},
    )


@pytest.fixture
def report() -> PhysicsReport:
    return PhysicsReport(
        (
            CheckResult("penetration", Verdict.PASS, 0.004, 0.02, "m", 6, "deepest penetration is 0.4 cm"),
            CheckResult("floating", Verdict.FAIL, 0.031, 0.02, "m", 2, "lowest body point is 3.1 cm over the floor"),
            CheckResult("tracking", Verdict.NOT_RUN, None, None, "", None, "needs simulation"),
        )
    )


@pytest.fixture
def video(clip_frames) -> InteractionVideo:
    rng = np.random.default_rng(0)
    pixels = np.tile(rng.integers(90, 160, (HEIGHT, WIDTH, 3), np.uint8), (clip_frames, 1, 1, 1))
    attention = rng.random((3, 8, 12)).astype(np.float32) * 0.3
    attention[0, 4:6, 7:9] = 1.0
    return InteractionVideo(pixels, FPS, attention, {"base_digest": "0" * 64, "steps": 2})


@pytest.fixture
def plan(make_request, video, motion, report) -> InteractionPlan:
    from hoi_motion.body import load_body

    return InteractionPlan(
        request=make_request(),
        video=video,
        motion=motion,
        report=report,
        samples=(
            SampleScore(7, Verdict.FAIL, 0.4, ("floating",), True, -0.5),
            SampleScore(8, Verdict.NOT_RUN, None, error="NO_ACTOR (300): nobody is in the video"),
        ),
        timings_s={"load": 0.5, "video": 4.2, "lift": 6.0, "check": 0.3},
        provenance={"chosen_seed": 7, "created": "2026-01-01T00:00:00+00:00"},
        body=load_body(),
    )
