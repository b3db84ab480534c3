"""What the interface files say in comments, which is all that `ros2 interface show` tells."""

from pathlib import Path

import pytest

from tavid_planner.planner import STAGES

FOLDER = Path(__file__).parents[3] / "tavid_planner_interfaces"


@pytest.mark.parametrize("name", ["action/PlanInteraction.action", "srv/PlanInteraction.srv"])
def test_error_stage_names_every_stage(name):
    assert f"input, wait, {', '.join(STAGES)}, save; empty without error" in (FOLDER / name).read_text()
