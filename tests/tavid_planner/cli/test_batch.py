"""tavid-plan batch and export: what they print, and their exit codes."""

import json

import numpy as np
import pytest
from PIL import Image

from tavid_planner.batch.request_list import read_request_list
from tavid_planner.batch.results import BatchFolder
from tavid_planner.cli.plan import main
from tavid_planner.config import load_profile
from tavid_planner.errors import ErrorCode, LiftError


@pytest.fixture
def batch(tmp_path, make_request):
    """A list of two requests, and the folder of a batch in which one of them has a plan and one an error."""
    request = make_request()
    Image.fromarray(request.rgb).save(tmp_path / "image.png")
    Image.fromarray(request.target_mask.astype(np.uint8) * 255).save(tmp_path / "mask.png")
    line = {"image": "image.png", "mask": "mask.png", "instruction": "picks up the [TGT] mug"}
    lines = [json.dumps(line | {"name": name}) for name in ("good", "bad")]
    (tmp_path / "requests.jsonl").write_text("\n".join(lines))
    results = BatchFolder(tmp_path / "out")
    results.claim(load_profile("mini"), read_request_list(tmp_path / "requests.jsonl"))
    (results.plans / "good").mkdir()
    plan = {"schema": 1, "verdict": "PASS", "reasons": ["all is well"], "robot": None, "timings_s": {"video": 2.0}}
    (results.plans / "good" / "plan.json").write_text(json.dumps(plan))
    results.write_error("bad", LiftError(ErrorCode.NO_ACTOR, "nobody is in the picture"))
    return ["batch", "--requests", str(tmp_path / "requests.jsonl"), "--out", str(tmp_path / "out")]


def test_a_batch_that_is_done_prints_its_table_and_works_no_more(batch, capsys):
    assert main(batch) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "2 of 2 requests already have a result"
    assert lines[1].split() == ["good", "PASS", "2.0", "s", "all", "is", "well"]
    assert lines[2].split()[:2] == ["bad", "NO_ACTOR"]
    assert lines[3] == "2 requests: 1 PASS, 1 NO_ACTOR"


def test_a_damaged_result_does_not_hide_the_others(batch, tmp_path, capsys):
    (tmp_path / "out" / "plans" / "good" / "plan.json").write_text("{")
    assert main(batch) == 2
    out = capsys.readouterr().out
    assert "DAMAGED" in out and "remove this result" in out and "NO_ACTOR" in out


def test_another_profile_for_the_same_folder_is_2(batch, capsys):
    assert main([*batch, "--set", "video.num_inference_steps=9"]) == 2
    assert "results of another profile" in capsys.readouterr().err


def test_workers_of_a_cluster_are_refused_which_no_option_counts(batch, capsys):
    assert main([*batch, "--ray", "auto", "--workers", "4"]) == 2
    assert "--ray-cpus" in capsys.readouterr().err


def test_two_runs_in_one_folder_are_2(batch, tmp_path, capsys):
    from hoi_motion.lock import only_writer

    with only_writer(tmp_path / "out"):
        assert main(batch) == 2
    assert "is being written" in capsys.readouterr().err


def test_what_ray_should_give_is_refused_without_ray(batch, capsys):
    assert main([*batch, "--ray-gpus=2"]) == 2
    assert "without --ray" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--workers=0", "--workers=many", "--ray-cpus=-1"])
def test_text_in_place_of_numbers_is_exit_code_2(batch, option):
    assert main([*batch, option]) == 2


def test_an_export_without_a_good_plan_is_2_and_leaves_nothing(tmp_path, capsys):
    (tmp_path / "plans").mkdir()
    assert main(["export", "--plans", str(tmp_path), "--lerobot", str(tmp_path / "data")]) == 2
    assert "no good plan" in capsys.readouterr().err and not (tmp_path / "data").exists()


def test_an_export_from_no_folder_names_it(tmp_path, capsys):
    assert main(["export", "--plans", str(tmp_path / "none"), "--mcap", str(tmp_path / "data")]) == 2
    assert f"no folder {tmp_path / 'none'}" in capsys.readouterr().err


def test_an_export_to_nowhere_is_2(tmp_path, capsys):
    assert main(["export", "--plans", str(tmp_path)]) == 2
    assert "neither --lerobot nor --mcap" in capsys.readouterr().err
