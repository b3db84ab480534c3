"""A bundle is whole or it is not there."""

import dataclasses
import json
import os

import numpy as np
import pytest

from hoi_motion.motion import HoiMotion
from hoi_motion.physics.repair import RepairOutcome, RepairResult
from hoi_motion.progress import CancelToken
from tavid_planner import media
from tavid_planner.bundle import check_output_folder, load_plan_json, plan_to_dict, save_plan
from tavid_planner.errors import ControlError, ErrorCode, InputError

FILES = {
    "plan.json",
    "video.mp4",
    "overlay.mp4",
    "film.mp4",
    "first.png",
    "mask.png",
    "instances.png",
    "attention.png",
    "motion.npz",
    "motion.glb",
    "physics.json",
    "report.html",
}


@pytest.fixture(scope="module")
def tiny_clips():
    """Encoding is tested in test_media; here a clip is a few bytes, which makes these tests quick."""
    patch = pytest.MonkeyPatch()
    patch.setattr(media, "write_mp4", lambda path, frames, fps: path.write_bytes(b"clip"))
    patch.setattr(media, "overlay_frames", lambda plan: plan.video.frames)
    patch.setattr("tavid_planner.film.film_frames", lambda plan, robot: (plan.video.frames, plan.video.fps))
    yield patch
    patch.undo()


def test_a_bundle_holds_what_is_documented(plan, tmp_path):
    folder = save_plan(plan, tmp_path / "new" / "plan")
    assert {p.name for p in folder.iterdir()} == FILES
    assert all(p.stat().st_size > 0 for p in folder.iterdir())
    assert [p.name for p in folder.parent.iterdir()] == ["plan"]
    data = load_plan_json(folder)
    assert set(data["files"]) == FILES
    assert (data["verdict"], data["error_code"], data["error_name"]) == ("FAIL", 400, "CHECK_FAILED")
    assert data["request"]["instruction"] == "picks up the [TGT] mug" and data["request"]["sentence_appended"] is False
    assert data["samples"][0] == {
        "seed": 7,
        "verdict": "FAIL",
        "touches_target": True,
        "right_people": None,
        "target_alignment": 0.4,
        "margin": -0.5,
        "failed_checks": ["floating"],
        "error": "",
        "executed": None,
        "early": None,
        "chance": None,
    }
    assert list(data["timings_s"]) == ["load", "video", "lift", "check", "save"]
    assert HoiMotion.load(folder / "motion.npz").num_frames == plan.motion.num_frames
    assert json.loads((folder / "physics.json").read_text())["verdict"] == "FAIL"


def test_a_profile_without_a_film_saves_all_but_the_film(plan, tmp_path, tiny_clips):
    folder = save_plan(dataclasses.replace(plan, film=False), tmp_path / "plan")
    assert {p.name for p in folder.iterdir()} == FILES - {"film.mp4"}
    assert load_plan_json(folder)["not_drawn"] == {}


@pytest.mark.parametrize("what", ["empty folder", "full folder", "file", "dangling link"])
def test_an_existing_path_is_refused_and_left_alone(tmp_path, what):
    path = tmp_path / "out"
    if what == "file":
        path.write_text("mine")
    elif what == "dangling link":
        path.symlink_to("nowhere")
    else:
        path.mkdir()
        if what == "full folder":
            (path / "mine").write_text("mine")
    with pytest.raises(InputError) as error:
        check_output_folder(path)
    assert error.value.code is ErrorCode.OUTPUT_INVALID
    assert os.path.lexists(path) and [p.name for p in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("place", ["/proc/plan", "/proc/deep/plan", "FILE/plan", "a" * 256])
def test_a_place_that_cannot_be_written_is_refused(tmp_path, place):
    (tmp_path / "FILE").write_text("")
    with pytest.raises(InputError) as error:
        check_output_folder(tmp_path / place)
    assert error.value.code is ErrorCode.OUTPUT_INVALID


def test_asking_leaves_nothing_behind(tmp_path):
    check_output_folder(tmp_path / "a" / "b" / "plan")
    assert not list(tmp_path.iterdir())


DISK_FULL = OSError(28, "No space left on device")


def wrapped(error: OSError) -> InputError:
    """As the rooms hand on what the disk said."""
    handed = InputError(ErrorCode.OUTPUT_INVALID, f"cannot write motion.glb: {error.strerror}")
    handed.__cause__ = error
    return handed


@pytest.mark.parametrize("error", [KeyboardInterrupt(), DISK_FULL, wrapped(DISK_FULL)])
def test_whatever_ends_the_writing_leaves_no_folder(plan, tmp_path, monkeypatch, tiny_clips, error):
    def fail(*args):
        raise error

    monkeypatch.setattr("tavid_planner.report.write_report", fail)
    with pytest.raises((KeyboardInterrupt, InputError)) as raised:
        save_plan(plan, tmp_path / "plan")
    if not isinstance(error, KeyboardInterrupt):
        assert raised.value.code is ErrorCode.OUTPUT_INVALID and "No space left" in raised.value.message
    assert not list(tmp_path.iterdir())


BROKEN = [
    ("overlay.mp4", "tavid_planner.media.overlay_frames", ValueError("bug")),
    ("film.mp4", "tavid_planner.film.film_frames", ValueError("bug")),
    ("video.mp4", "tavid_planner.media.write_mp4", BrokenPipeError(32, "Broken pipe")),
    ("motion.glb", "hoi_motion.io.glb.write_glb", InputError(ErrorCode.FILE_INVALID, "another body")),
    ("attention.png", "tavid_planner.media.attention_picture", MemoryError()),
    ("report.html", "tavid_planner.report.report_page", RuntimeError("no style")),
]


@pytest.mark.parametrize("name, where, error", BROKEN, ids=[name for name, *_ in BROKEN])
def test_a_file_that_cannot_be_drawn_does_not_affect_the_others(
    plan, tmp_path, monkeypatch, tiny_clips, name, where, error
):
    def fail(*args):
        raise error

    monkeypatch.setattr(where, fail)
    folder = save_plan(plan, tmp_path / "plan")
    data = load_plan_json(folder)
    assert str(error) in data["not_drawn"][name] and data["not_drawn"][name]
    assert set(data["files"]) == {p.name for p in folder.iterdir()}
    assert FILES - set(data["files"]) == set(data["not_drawn"])
    assert HoiMotion.load(folder / "motion.npz").num_frames == plan.motion.num_frames


def test_a_disk_that_fills_up_under_an_encoder_ends_the_saving(plan, tmp_path, monkeypatch, tiny_clips):
    def fail(*args):  # all that is seen of an encoder that died of it
        raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr(media, "write_mp4", fail)
    monkeypatch.setattr("tavid_planner.drawn_files.ROOM_FILE", "/dev/full")
    with pytest.raises(InputError, match="No space left") as raised:
        save_plan(plan, tmp_path / "plan")
    assert raised.value.code is ErrorCode.OUTPUT_INVALID
    assert not list(tmp_path.iterdir())


def test_the_motion_of_the_video_stands_beside_the_repaired_one(plan, tmp_path, tiny_clips):
    lifted = plan.motion.replace(transl_m=plan.motion.transl_m + np.float32([0, 0, 0.03]))
    repair = RepairResult(RepairOutcome.REPAIRED, plan.motion, plan.report, plan.report, reason="moved body by 3.0 cm")
    folder = save_plan(dataclasses.replace(plan, lifted=lifted, repair=repair), tmp_path / "plan")
    data = load_plan_json(folder)
    assert data["lifted_motion"] == "lifted.npz" in data["files"] and data["repair"]["outcome"] == "REPAIRED"
    assert data["reasons"][-1] == "repaired: moved body by 3.0 cm"
    assert np.array_equal(HoiMotion.load(folder / "lifted.npz").transl_m, lifted.transl_m)


def test_cancelling_while_writing_leaves_no_folder(plan, tmp_path, tiny_clips):
    cancel = CancelToken()
    with pytest.raises(ControlError):
        save_plan(plan, tmp_path / "plan", lambda stage, fraction: fraction > 0.3 and cancel.cancel(), cancel)
    assert not list(tmp_path.iterdir())


def test_a_cancel_in_the_last_drawing_leaves_nothing(plan, tmp_path, monkeypatch, tiny_clips):
    cancel = CancelToken()
    monkeypatch.setattr("tavid_planner.report.write_report", lambda *args: cancel.cancel())
    with pytest.raises(ControlError):
        save_plan(plan, tmp_path / "plan", cancel=cancel)
    assert not list(tmp_path.iterdir())


def test_half_of_a_file_is_not_kept(plan, tmp_path, monkeypatch, tiny_clips):
    def half(path, frames, fps):
        path.write_bytes(b"half a clip")
        raise ValueError("bug")

    monkeypatch.setattr(media, "write_mp4", half)
    folder = save_plan(plan, tmp_path / "plan")
    assert load_plan_json(folder)["not_drawn"]["video.mp4"] == "bug" and not list(folder.glob("*.mp4"))


def test_a_folder_that_appears_meanwhile_is_not_replaced(plan, tmp_path, monkeypatch, tiny_clips):
    def write(plan, folder, not_drawn):
        (tmp_path / "plan").mkdir()

    monkeypatch.setattr("tavid_planner.report.write_report", write)
    with pytest.raises(InputError, match="appeared"):
        save_plan(plan, tmp_path / "plan")
    assert not list((tmp_path / "plan").iterdir())


@pytest.mark.parametrize("content", [None, "", "[]", "{}", '{"schema": 99}', "{cut"])
def test_what_is_no_bundle_is_refused(tmp_path, content):
    if content is not None:
        (tmp_path / "plan.json").write_text(content)
    with pytest.raises(InputError) as error:
        load_plan_json(tmp_path)
    assert error.value.code is ErrorCode.FILE_INVALID


def test_doubts_of_the_lift_stand_in_the_list(plan):
    noted = dataclasses.replace(plan, motion=plan.motion.replace(notes=("doubtful: object_size",)))
    assert plan_to_dict(noted, {}, [], {})["notes"] == ["doubtful: object_size"]


def test_a_file_system_that_does_not_tell_its_size_is_taken(tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda folder: (0, 0, 0))
    assert check_output_folder(tmp_path / "plan") == tmp_path / "plan"


def test_a_disk_without_room_is_refused_before_the_work(tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda folder: (10**9, 10**9, 3 * 10**6))
    with pytest.raises(InputError, match=r"3\.0 MB are free") as error:
        check_output_folder(tmp_path / "plan")
    assert error.value.code is ErrorCode.OUTPUT_INVALID
