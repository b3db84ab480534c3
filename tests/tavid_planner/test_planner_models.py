"""What a planner keeps loaded between plans, and when it loads it anew."""

import os
import sys
import types

import pytest

import hoi_motion.body
from tavid_planner.config import PlannerConfig, with_options
from tavid_planner.planner import Planner
from tavid_planner.request import InteractionRequest
from tavid_planner.robot_stage import RobotStage, RobotStageConfig
from tavid_planner.video.model_files import model_state


@pytest.fixture
def folders(tmp_path):
    """A model and an adapter, with a file each in a folder below."""
    for name in ("model", "adapter"):
        (tmp_path / name / "transformer").mkdir(parents=True)
        (tmp_path / name / "transformer" / "weights").write_text("first")
    return tmp_path


@pytest.fixture
def config(folders):
    return with_options(PlannerConfig(), [f"video.base={folders}/model", f"video.adapter={folders}/adapter"])


@pytest.fixture
def loads(monkeypatch):
    """Each pipeline that is loaded; the model itself is not what is asked here."""
    made = []
    fake = types.ModuleType("tavid_planner.video")
    fake.load_pipeline = lambda config, on_progress, cancel: made.append(config) or "pipeline"
    fake.__path__ = sys.modules["tavid_planner.video"].__path__
    monkeypatch.setitem(sys.modules, "tavid_planner.video", fake)
    monkeypatch.setattr(hoi_motion.body, "load_body", lambda path: "body")
    return made


@pytest.mark.parametrize("which", ["model", "adapter"])
def test_other_weights_under_the_same_name_are_loaded_and_the_same_ones_are_not(folders, config, loads, which):
    planner = Planner(config)
    planner.load()
    planner.load()
    assert len(loads) == 1
    (folders / which / "transformer" / "weights").write_text("other")
    os.utime(folders / which / "transformer" / "weights", ns=(1, 1))
    planner.load()
    assert len(loads) == 2 and planner.loaded


def test_a_body_that_was_written_over_is_taken_by_the_next_plan(config, loads, monkeypatch):
    planner = Planner(config)
    planner.load()
    monkeypatch.setattr(hoi_motion.body, "load_body", lambda path: "another body")
    planner.load()
    assert planner._body == "another body" and len(loads) == 1


def test_loras_count_and_hub_ids_do_not(folders, config):
    (folders / "style.safetensors").write_text("first")
    named = with_options(
        config, [f"video.loras=style={folders}/style.safetensors", "video.adapter=owner/adapter"]
    ).video
    before = model_state(named)
    assert [name for name, _ in before] == [f"{folders}/model", f"{folders}/style.safetensors"]
    (folders / "style.safetensors").write_text("other than it was")
    assert model_state(named) != before


def test_a_robot_whose_file_was_edited_is_read_again(tmp_path, make_request):
    from hoi_motion.retarget.robots.config import robots_folder

    path = tmp_path / "mine.yaml"
    path.write_text((robots_folder() / "panda.yaml").read_text())
    planner, request = Planner(PlannerConfig(robot=RobotStageConfig(name=str(path)))), make_request()
    first = planner._named_robot(request)
    assert isinstance(request, InteractionRequest) and planner._named_robot(request) is first
    path.write_text(path.read_text().replace("force_n: 60", "force_n: 30"))
    again = planner._named_robot(request)
    assert isinstance(again, RobotStage) and again is not first
    assert again._robot_config.gripper.force_n == 30
