"""The real planner behind the real node: a tiny random model always, the mini model with the demo where it is there."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tavid_planner.config import share_folder
from tavid_planner.errors import ErrorCode

REPOSITORY = Path(__file__).resolve().parents[3]
TINY_MODEL = REPOSITORY / "tests" / "tavid_planner" / "video" / "tiny_model.py"
PLAN_S = 300


@pytest.fixture
def tiny_profile(tmp_path) -> Path:
    """A profile whose model has the right layers and random weights: its videos are noise."""
    spec = importlib.util.spec_from_file_location("tiny_model", TINY_MODEL)
    tiny_model = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tiny_model)
    base = tiny_model.write_tiny_model(tmp_path / "base")
    adapter = tiny_model.write_tiny_adapter(tmp_path / "adapter", base)
    video = dict(base=str(base), adapter=str(adapter), device="cpu", height=32, width=48)
    config = {"name": "tiny", "video": video | dict(num_frames=9, num_inference_steps=2)}
    config["lift"] = {"keypoints": "low-resolution"}
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(config))
    return tmp_path / "tiny.yaml"


@pytest.mark.slow
def test_video_without_a_person_is_refused_by_the_lift(real_node, tiny_profile, make_request):
    request = make_request()
    with real_node(tiny_profile.parent, f"profile:={tiny_profile}") as (node, client):
        client.send(request.instruction, request.rgb, request.target_mask, timeout_s=60)
        result = client.result(PLAN_S)
        assert (result.error_code, result.error_stage) == (ErrorCode.NO_ACTOR, "lift"), result.error_msg
        assert [t.stage for t in result.stage_times] == ["input", "video", "lift"]
        client.send("", request.rgb, request.target_mask, timeout_s=60)
        assert client.result(PLAN_S).error_code == ErrorCode.INSTRUCTION_INVALID
        assert "Traceback" not in node.log


@pytest.mark.slow
def test_demo_ends_with_a_verdict_and_a_bundle(tmp_path):
    missing = [p for p in ("models/tavid-mini", "config/demo/frame.png") if not (share_folder() / p).exists()]
    if missing:
        pytest.skip(f"{', '.join(missing)} not there")
    ended = subprocess.run(
        [sys.executable, "-m", "tavid_planner.cli.demo", "--out", "plans"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=PLAN_S,
    )
    assert ended.returncode in (0, 3), ended.stderr
    bundle = Path(re.search(r"^bundle +(.+)$", ended.stdout, re.MULTILINE)[1])
    assert (bundle / "plan.json").is_file() and (bundle / "video.mp4").is_file()
    assert re.search(r"^verdict +(PASS|FAIL)", ended.stdout, re.MULTILINE)
