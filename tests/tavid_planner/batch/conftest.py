"""Lists of requests, and a planner in other processes that does what the instruction says."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.tavid_planner.worker.recorded_body import write_plan

REPOSITORY = Path(__file__).resolve().parents[3]


@pytest.fixture
def clip_frames() -> int:
    """Few: these tests are about processes, and every plan that one saves is drawn."""
    return 3


@pytest.fixture
def quick_planner(monkeypatch, tmp_path, plan) -> str:
    """The reference of the planner of `worker/quick_planner.py`, for processes that are started from here."""
    monkeypatch.setenv("TAVID_TEST_PLAN", str(write_plan(plan, tmp_path / "plan.pickle")))
    folder = str(Path(__file__).parent.parent / "worker")
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([folder, str(REPOSITORY)]))
    return "quick_planner:QuickPlanner"


@pytest.fixture
def write_list(tmp_path, make_request):
    """A function that writes a list of requests, one an instruction, and returns its path."""
    request = make_request()
    Image.fromarray(request.rgb).save(tmp_path / "image.png")
    Image.fromarray(request.target_mask.astype(np.uint8) * 255).save(tmp_path / "mask.png")

    def write(*instructions: str, **changes):
        lines = [
            {"name": f"r{k}", "image": "image.png", "mask": "mask.png", "instruction": text} | changes
            for k, text in enumerate(instructions)
        ]
        path = tmp_path / "requests.jsonl"
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        return path

    return write
