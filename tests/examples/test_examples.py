"""The examples and the README's program run as they are printed."""

import re
import runpy
import sys
import xml.etree.ElementTree as xml
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from hoi_motion import HoiMotion, read_video, write_video
from hoi_motion.body.joints import index_of
from tavid_planner.bundle import load_plan_json
from tavid_planner.config import share_folder
from training.scenes.scene import HELD_OUT_SEED, free_body, generate_scene

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.*"))
FINGERS = ("thumb", "index", "middle", "ring", "pinky")
COCO_BODY = "nose left_eye right_eye left_ear right_ear".split() + [
    f"{side}_{joint}" for joint in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle") for side in ("left", "right")
]
COCO_FEET = [f"{side}_{point}" for side in ("left", "right") for point in ("big_toe", "small_toe", "heel")]


@pytest.fixture(scope="module")
def scene():
    return generate_scene(HELD_OUT_SEED, 192, 288, 11)


@pytest.fixture(scope="module")
def files(scene, tmp_path_factory) -> Path:
    """A folder with clip.mp4, mask.png and motion.npz of a scene."""
    folder = tmp_path_factory.mktemp("examples")
    write_video(folder / "clip.mp4", scene.frames, scene.fps)
    cv2.imwrite(str(folder / "mask.png"), scene.target_mask.astype(np.uint8) * 255)
    scene.motion.save(folder / "motion.npz")
    return folder


def run(name: str, monkeypatch, *arguments) -> None:
    monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
    runpy.run_path(str(ROOT / "examples" / name), run_name="__main__")


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_fits_on_a_screen(path):
    assert len(path.read_text().splitlines()) < 40


@pytest.mark.parametrize("path", [p for p in EXAMPLES if "main(*sys.argv" in p.read_text()], ids=lambda path: path.stem)
def test_an_example_without_its_files_says_how_it_is_called(path, monkeypatch):
    with pytest.raises(SystemExit, match=f"python examples/{path.name} "):
        run(path.name, monkeypatch)


@pytest.mark.slow
def test_the_python_of_the_readme_runs_as_printed(tmp_path, monkeypatch):
    (block,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert (ROOT / "examples" / "plan_one.py").read_text().endswith(block)
    (tmp_path / "config").symlink_to(share_folder() / "config")
    monkeypatch.chdir(tmp_path)
    exec(compile(block, "README.md", "exec"), {})
    assert load_plan_json(tmp_path / "plans/from_python")["not_drawn"] == {}


@pytest.mark.slow
def test_the_pipeline_alone_runs_as_the_docs_print_it(tmp_path, monkeypatch):
    (block,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs/video-model.md").read_text(), re.DOTALL)
    for folder in ("config", "models"):
        (tmp_path / folder).symlink_to(share_folder() / folder)
    monkeypatch.chdir(tmp_path)
    exec(compile(block, "video-model.md", "exec"), {})
    assert read_video("clip.mp4", 100).frames.shape == (17, 96, 144, 3)


@pytest.mark.slow
def test_a_video_is_lifted(files, monkeypatch):
    run("lift_a_video.py", monkeypatch, files / "clip.mp4", files / "mask.png", files / "lifted.glb")
    assert (files / "lifted.glb").read_bytes().startswith(b"glTF")


def test_a_motion_is_checked_and_repaired(files, scene, monkeypatch, capsys):
    floating = scene.motion.replace(transl_m=scene.motion.transl_m + np.float32([0, 0, 0.035]))
    floating.save(files / "floating.npz")
    run("check_and_repair.py", monkeypatch, files / "floating.npz", files / "fixed.npz")
    said = capsys.readouterr().out
    assert "floating:" in said and "FAIL before" in said
    assert HoiMotion.load(files / "fixed.npz").num_frames == scene.motion.num_frames


def test_a_motion_becomes_a_robots(files, monkeypatch, capsys):
    run("to_a_robot.py", monkeypatch, files / "motion.npz", "humanoid", files / "joints.json")
    assert "joints at" in capsys.readouterr().out and (files / "joints.json").stat().st_size > 0


def test_keypoints_of_an_own_network_are_lifted(files, scene, monkeypatch):
    np.save(files / "keypoints.npy", coco_points(scene.motion))
    arguments = files / "clip.mp4", files / "mask.png", files / "keypoints.npy", files / "own.npz"
    run("own_keypoint_source.py", monkeypatch, *arguments)
    assert HoiMotion.load(files / "own.npz").diagnostics["reprojection_error_mean"] < 0.03


def test_the_behavior_tree_names_fields_that_the_action_has():
    """Its leaf's ports are fields of the goal and of the result, but for where the action is."""
    from tavid_planner_interfaces.action import PlanInteraction

    tree = xml.parse(ROOT / "examples" / "behavior_tree.xml").getroot()
    models = {node.get("ID"): node for node in tree.find("TreeNodesModel")}
    leaf = models["PlanInteraction"]
    ports = {kind: {port.get("name") for port in leaf.findall(f"{kind}_port")} for kind in ("input", "output")}
    assert ports["input"] - {"action_name"} <= set(PlanInteraction.Goal.get_fields_and_field_types())
    assert ports["output"] <= set(PlanInteraction.Result.get_fields_and_field_types())
    for node in tree.find("BehaviorTree").iter():
        if node.tag in models:
            assert set(node.attrib) == {port.get("name") for port in models[node.tag]}
    told = {port.get(name) for port in tree.iter("PlanInteraction") for name in ("joint_trajectory", "gripper_goals")}
    done = {node.get(name) for node in tree.iter() for name in ("trajectory", "goals")} - {None}
    assert told - {None} == done  # arm and gripper do what was planned, all of it
    assert tree.get("BTCPP_format") == "4" and tree.find("BehaviorTree").get("ID") == tree.get("main_tree_to_execute")


class Answers:
    """A node that answers at once: two plans that fail their check, then one that passes."""

    def __init__(self):
        self.asked = []

    def __enter__(self):
        return self

    def __exit__(self, *_) -> None:
        pass

    def wait_until_ready(self, timeout_s: float) -> None:
        pass

    def send(self, instruction: str, robot: str, seed: int) -> None:
        self.asked.append((instruction, robot, seed))

    def is_done(self, timeout_s: float) -> bool:
        return True

    def result(self):
        return SimpleNamespace(plan_path=f"plan_{self.asked[-1][2]}")

    def error(self):
        return None if len(self.asked) == 3 else "the plan is FAIL"


def test_a_py_tree_asks_again_with_other_seeds_until_a_plan_passes(monkeypatch, capsys):
    pytest.importorskip("py_trees")
    import tavid_planner.ros.client as client

    node = Answers()
    monkeypatch.setattr(client, "PlanClient", lambda: node)
    run("py_trees_plan.py", monkeypatch, "picks up the [TGT] mug", "panda")
    assert node.asked == [("picks up the [TGT] mug", "panda", seed) for seed in range(3)]
    assert "SUCCESS plan_2" in capsys.readouterr().out


def coco_points(motion: HoiMotion) -> np.ndarray:  # (T, 133, 3)
    """The true COCO-WholeBody points of a motion, all sure; the face, which the lift does not use, is left at 0."""
    points_px = motion.camera.project(free_body().joints(motion.pose_rad, motion.transl_m, motion.betas).numpy())
    found = np.zeros((motion.num_frames, 133, 3))
    for first, names in ((0, COCO_BODY), (17, COCO_FEET), (91, hand("left")), (112, hand("right"))):
        columns = [index_of(name) for name in names]
        found[:, first : first + len(names), :2] = points_px[:, columns]
        found[:, first : first + len(names), 2] = 1.0
    return found


def hand(side: str) -> list[str]:
    parts = [f"{side}_{finger}{part}" for finger in FINGERS for part in ("1", "2", "3", "_tip")]
    return [f"{side}_wrist", *parts]
