"""tavid-plan: exit codes and the one line on stderr."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hoi_motion.physics.report import PhysicsReport, Verdict
from tavid_planner.cli.plan import _print_summary, main
from tavid_planner.errors import ErrorCode, InputError, VideoError
from tavid_planner.instances import Instance
from tavid_planner.request import InteractionRequest

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def files(tmp_path, make_request):
    """Paths of a good image and mask, and of an output folder that does not exist yet."""
    request = make_request()
    Image.fromarray(request.rgb).save(tmp_path / "image.png")
    Image.fromarray(request.target_mask.astype(np.uint8) * 255).save(tmp_path / "mask.png")
    return tmp_path


def arguments(files, *more, instruction="picks up the [TGT] mug", image="image.png", mask="mask.png", out="plan"):
    return [
        "--image",
        str(files / image),
        "--mask",
        str(files / mask),
        "--instruction",
        instruction,
        "--out",
        str(files / out),
        *more,
    ]


@pytest.fixture
def planned(monkeypatch, plan):
    """A planner that answers at once, and a bundle that is one file."""
    calls = []

    class QuickPlanner:
        def __init__(self, config):
            self.config = config

        def plan(self, request, on_progress=None, cancel=None):
            calls.append((self.config, request))
            return plan

    def save(plan, folder, on_progress=None):
        folder.mkdir()
        (folder / "plan.json").write_text('{"schema": 1, "not_drawn": {"overlay.mp4": "no encoder"}}')

    monkeypatch.setattr("tavid_planner.planner.Planner", QuickPlanner)
    monkeypatch.setattr("tavid_planner.bundle.save_plan", save)
    return calls


def line(capsys) -> str:
    output = capsys.readouterr()
    assert output.err.count("\n") == 1 and "Traceback" not in output.err
    return output.err


def test_a_failed_check_is_3_and_the_bundle_is_there(files, planned, capsys):
    assert main(arguments(files)) == 3
    assert (files / "plan").is_dir()
    output = capsys.readouterr().out
    assert "verdict  FAIL" in output and "lowest body point" in output and f"bundle   {files / 'plan'}" in output


def marked(files, *more) -> list[str]:
    """The arguments without --mask."""
    given = arguments(files, *more)
    place = given.index("--mask")
    return given[:place] + given[place + 2 :]


@pytest.mark.parametrize("conditioning, told", [("mask", True), ("id_map", False)])
def test_marks_that_the_model_does_not_see_are_named(files, planned, plan, monkeypatch, capsys, conditioning, told):
    jar = np.zeros(plan.request.size_px, bool)
    jar[:8, :8] = True
    marks = [Instance("mug", "target", plan.request.target_mask), Instance("jar", "other", jar)]
    request = InteractionRequest.of_instances(plan.request.rgb, marks, plan.request.instruction)
    answer = replace(plan, request=request, provenance={"video": {"conditioning": conditioning}})
    monkeypatch.setattr("tavid_planner.planner.Planner.plan", lambda *_: answer)
    main(arguments(files))
    assert ("did not see the marks of jar" in capsys.readouterr().out) == told


def test_an_option_without_effect_is_named(files, planned, plan, monkeypatch, capsys):
    answer = replace(plan, provenance={"video": {"without_effect": ["video.lora_alpha=3 has no effect"]}})
    monkeypatch.setattr("tavid_planner.planner.Planner.plan", lambda *_: answer)
    main(arguments(files))
    assert "note     video.lora_alpha=3 has no effect" in capsys.readouterr().out.splitlines()


def test_doubts_of_the_lift_are_printed(files, planned, plan, monkeypatch, capsys):
    noted = replace(plan, motion=plan.motion.replace(notes=("doubtful: object_size",)))
    monkeypatch.setattr("tavid_planner.planner.Planner.plan", lambda *_: noted)
    assert main(arguments(files)) == 3
    assert "note     doubtful: object_size" in capsys.readouterr().out.splitlines()


def test_a_click_takes_the_place_of_the_mask_and_the_answer_says_so(files, planned, make_request, capsys):
    assert main(marked(files, "--click", "66,43")) == 3
    _, request = planned[0]
    assert (request.target_mask == make_request().target_mask).mean() > 0.995
    assert (
        request.target_source.startswith("click 66,43 by grabcut") and request.target_source in capsys.readouterr().out
    )


@pytest.mark.parametrize("more", [(), ("--mask", "mask.png", "--click", "5,5")])
def test_neither_or_both_of_mask_and_click_are_refused_before_any_work(files, planned, more, capsys):
    assert main(marked(files, *more)) == 2
    assert "--click" in line(capsys) and not planned and not (files / "plan").exists()


@pytest.fixture
def filmed(planned, monkeypatch):
    """As `planned`, with a film in the bundle."""

    def save(plan, folder, on_progress=None):
        folder.mkdir()
        (folder / "plan.json").write_text('{"schema": 1, "not_drawn": {}}')
        (folder / "film.mp4").write_bytes(b"a film")

    monkeypatch.setattr("tavid_planner.bundle.save_plan", save)


def test_a_film_is_put_where_it_is_asked_for(files, filmed, capsys):
    assert main(arguments(files, "--film", str(files / "mine.mp4"))) == 3
    assert (files / "mine.mp4").read_bytes() == b"a film" and "mine.mp4" in capsys.readouterr().out


def test_where_the_film_cannot_be_copied_the_bundle_is_told_all_the_same(files, filmed, monkeypatch, capsys):
    def full(path, content):
        raise InputError(ErrorCode.OUTPUT_INVALID, "no space left")

    monkeypatch.setattr("tavid_planner.cli.plan.write_whole", full)
    assert main(arguments(files, "--film", str(files / "mine.mp4"))) == 2
    assert f"bundle   {files / 'plan'}" in capsys.readouterr().out


def test_what_a_killed_command_has_left_is_cleared_away(files, planned):
    left = files / ".plan.partial-1-0123abcd"
    left.mkdir()
    os.utime(left, (0, 0))
    assert main(arguments(files)) == 3
    assert (files / "plan").is_dir() and not left.exists()


def test_a_film_that_the_profile_leaves_out_cannot_be_asked_for(files, planned, capsys):
    assert main(arguments(files, "--film", str(files / "mine.mp4"), "--set", "bundle.film=false")) == 2
    assert "bundle.film=false" in capsys.readouterr().err and not planned


@pytest.mark.parametrize("name", ["/nowhere/mine.mp4", "mine.txt"])
def test_a_film_that_cannot_be_kept_is_refused_before_any_work(files, planned, capsys, name):
    assert main(arguments(files, "--film", str(files / name))) == 2
    assert "OUTPUT_INVALID" in line(capsys) and not planned


def test_every_option_reaches_the_request_and_the_profile(files, planned):
    Image.fromarray(np.full((64, 96), 2000, np.uint16)).save(files / "depth.png")
    more = ["--seed", "3", "--samples", "2", "--intrinsics", "90,91,48,32", "--depth", str(files / "depth.png")]
    more += [
        "--actor-mask",
        str(files / "mask.png"),
        "--set",
        "video.num_inference_steps=2",
        "--set",
        "lift.iterations=5",
    ]
    main(arguments(files, *more))
    config, request = planned[0]
    assert (request.seed, request.samples, request.intrinsics[1, 1], request.depth_m[0, 0]) == (3, 2, 91.0, 2.0)
    assert request.actor_mask.any()
    assert (config.video.num_inference_steps, config.lift.iterations) == (2, 5)


def test_a_photos_own_focal_length_is_taken_and_told_unless_intrinsics_are_given(files, planned, capsys):
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0xA405] = 26
    Image.open(files / "image.png").convert("RGB").save(files / "photo.jpg", exif=exif)
    main(arguments(files, image="photo.jpg"))
    assert "from its EXIF (26 mm on 35 mm film)" in capsys.readouterr().out
    main(arguments(files, "--intrinsics", "90,91,48,32", image="photo.jpg", out="again"))
    diagonal_px = np.hypot(*planned[0][1].rgb.shape[:2])
    focals_px = [request.intrinsics[0, 0] for _, request in planned]
    assert focals_px == [pytest.approx(26 / 43.27 * diagonal_px), 90.0]
    assert [request.intrinsics_source for _, request in planned] == ["EXIF", "camera_info"]


@pytest.mark.parametrize(
    "change, code",
    [
        ({"instruction": ""}, "INSTRUCTION_INVALID"),
        ({"instruction": "x" * 10_000}, "INSTRUCTION_INVALID"),
        ({"image": "none.png"}, "IMAGE_INVALID"),
        ({"mask": "none.png"}, "MASK_INVALID"),
        ({"image": "pixel.png"}, "IMAGE_INVALID"),
        ({"mask": "empty.png"}, "MASK_EMPTY"),
        ({"mask": "full.png"}, "MASK_INVALID"),
        ({"mask": "small.png"}, "SIZE_MISMATCH"),
        ({"mask": "image.png"}, "MASK_INVALID"),
        ({"out": "image.png"}, "OUTPUT_INVALID"),
        ({"out": "."}, "OUTPUT_INVALID"),
    ],
)
def test_bad_files_are_2_before_any_planning(files, planned, capsys, change, code):
    Image.new("RGB", (1, 1)).save(files / "pixel.png")
    Image.new("L", (96, 64)).save(files / "empty.png")
    Image.new("L", (96, 64), 255).save(files / "full.png")
    Image.new("L", (48, 32)).save(files / "small.png")
    assert main(arguments(files, **change)) == 2
    assert code in line(capsys)
    assert not planned


@pytest.mark.parametrize(
    "more, code",
    [
        (["--profile", "nonsense"], "CONFIG_INVALID"),
        (["--set", "video.nonsense=1"], "CONFIG_INVALID"),
        (["--set", "video.height=-4"], "CONFIG_INVALID"),
        (["--seed", "-1"], "CONFIG_INVALID"),
        (["--samples", "0"], "CONFIG_INVALID"),
        (["--intrinsics", "1,2,3"], "CAMERA_INVALID"),
        (["--intrinsics", "nan,90,48,32"], "CAMERA_INVALID"),
        (["--intrinsics=-90,90,48,32"], "CAMERA_INVALID"),
    ],
)
def test_bad_options_are_2_before_any_planning(files, planned, capsys, more, code):
    assert main(arguments(files, *more)) == 2
    assert code in line(capsys)
    assert not planned and not (files / "plan").exists()


@pytest.mark.parametrize(
    "error, code",
    [
        (VideoError(ErrorCode.MODEL_MISSING, "the model folder is missing"), 4),
        (VideoError(ErrorCode.OUT_OF_MEMORY, "full"), 4),
        (KeyboardInterrupt(), 130),
        (ZeroDivisionError("a bug"), 4),
    ],
)
def test_what_ends_a_plan_becomes_its_exit_code(files, monkeypatch, capsys, error, code):
    def fail(*args):
        raise error

    monkeypatch.setattr("tavid_planner.planner.Planner.plan", fail)
    assert main(arguments(files)) == code
    line(capsys)
    assert sorted(p.name for p in files.iterdir()) == ["image.png", "mask.png"]


def test_help_and_bad_usage(capsys):
    assert main(["--help"]) == 0
    assert "video.num_inference_steps" in capsys.readouterr().out
    assert main(["--nonsense"]) == 2


def test_a_missing_model_is_4_in_a_process_of_its_own(files):
    command = [
        sys.executable,
        "-m",
        "tavid_planner.cli.plan",
        *arguments(files, "--set", f"video.base={files / 'gone'}"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 4 and done.stdout == ""
    assert done.stderr.startswith("error: MODEL_MISSING (200)") and done.stderr.count("\n") == 1
    assert not (files / "plan").exists()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_in_the_middle_is_130_and_leaves_nothing(files, number):
    """The planner waits in its first stage until the signal comes."""
    script = files / "waiting.py"
    script.write_text(
        "import signal, sys, time\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a background job starts without it
        "from tavid_planner import planner\n"
        "def wait(*args):\n"
        "    print('planning', flush=True)\n"
        "    time.sleep(60)\n"
        "planner.Planner.plan = wait\n"
        "from tavid_planner.cli.plan import main\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    command = [sys.executable, str(script), *arguments(files)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    try:
        memory, planning = process.stdout.readline(), process.stdout.readline()
        assert memory.startswith("memory ") and planning == "planning\n"
        time.sleep(0.2)
        process.send_signal(number)
        _, errors = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 130
    assert errors.startswith("error: CANCELLED") and errors.count("\n") == 1
    assert sorted(p.name for p in files.iterdir()) == ["image.png", "mask.png", "waiting.py"]


def test_several_instances_are_marked_by_name_and_role(files, planned, capsys):
    given = arguments(files)
    del given[2:4]
    assert main([*given, "--instance", f"red mug:target:{files / 'mask.png'}"]) == 3
    [instance] = planned[0][1].instances
    assert (instance.name, instance.role) == ("red mug", "target")


@pytest.mark.parametrize(
    "more, quoted",
    [
        (["--instance", "mug:target:mask.png"], "both given"),
        (["--instance", "mug"], "both given"),
    ],
)
def test_two_ways_to_mark_the_target_are_refused(files, planned, capsys, more, quoted):
    assert main(arguments(files, *more)) == 2 and quoted in capsys.readouterr().err


def test_an_instance_without_a_file_is_refused(files, planned, capsys):
    given = arguments(files)
    del given[2:4]
    assert main([*given, "--instance", "mug:target"]) == 2 and "NAME:ROLE:FILE" in capsys.readouterr().err
    assert main(given) == 2 and "neither --mask nor --instance" in capsys.readouterr().err


def test_a_pass_is_summed_up_by_what_was_checked_and_last_by_what_was_not(plan, capsys):
    checks = tuple(c for c in plan.report.checks if c.verdict is not Verdict.FAIL)
    _print_summary(replace(plan, report=PhysicsReport(checks)))
    assert [line.strip() for line in capsys.readouterr().out.splitlines()[:4]] == [
        "verdict  PASS",
        "1 check is within its limit",
        "checked: penetration",
        "not checked: tracking (needs simulation)",
    ]
