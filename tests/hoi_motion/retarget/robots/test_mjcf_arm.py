"""An arm given as MJCF."""

import numpy as np
import pytest

from hoi_motion.errors import RetargetError
from hoi_motion.retarget.arm.arm import Arm
from hoi_motion.retarget.robots.config import load_robot_config

ARM = """<mujoco><compiler angle="radian"/><worldbody><body name="base" pos="1 2 3" euler="0 0 1">{}
<body name="upper" pos="0 0 0.3"><joint name="shoulder" axis="0 1 0" range="-2 2"/><body name="fore" pos="0 0 0.4">
<joint name="elbow" axis="0 1 0" range="-1 2"/><geom type="sphere" size="0.02"/></body></body></body>
</worldbody></mujoco>"""


@pytest.mark.parametrize("base", ["", "<freejoint/>"])
def test_an_arm_is_read_whose_file_says_how_fast_it_is(tmp_path, base):
    """An MJCF has no limits of velocity, and an arm driven at a made-up one is driven too fast.

    Where it stands in its own scene is not where it stands here.
    """
    (tmp_path / "arm.xml").write_text(ARM.format(base))
    (tmp_path / "arm.yaml").write_text("urdf: arm.xml\njaw: {link: fore}\n")
    with pytest.raises(RetargetError, match="joint shoulder of arm has the limits 0 of velocity"):
        Arm(load_robot_config(str(tmp_path / "arm.yaml")))
    (tmp_path / "arm.yaml").write_text("urdf: arm.xml\njaw: {link: fore}\nvelocity_rad_s: {shoulder: 1, elbow: 2}\n")
    arm = Arm(load_robot_config(str(tmp_path / "arm.yaml")))
    assert arm.joint_names == ("shoulder", "elbow") and arm.velocity_rad_s.tolist() == [1, 2]
    assert arm.lower_rad.tolist() == [-2, -1]
    (x, y, z) = arm.forward(np.zeros(2))[:3, 3]
    assert (x, y) == (0, 0) and 0.7 < z < 0.9


def test_of_two_arms_the_one_with_the_grasp_frame_is_read(tmp_path):
    one = ARM.format("").partition("<worldbody>")[2].partition("</worldbody>")[0]
    names = ("base", "upper", "fore", "shoulder", "elbow")
    both = ""
    for side in ("left", "right"):
        arm = one
        for name in names:
            arm = arm.replace(f'name="{name}"', f'name="{side}_{name}"')
        both += arm
    (tmp_path / "two.xml").write_text(f"<mujoco><worldbody>{both}</worldbody></mujoco>")
    speeds = "{right_shoulder: 1, right_elbow: 1}"
    (tmp_path / "two.yaml").write_text(f"urdf: two.xml\njaw: {{link: right_fore}}\nvelocity_rad_s: {speeds}\n")
    assert Arm(load_robot_config(str(tmp_path / "two.yaml"))).joint_names == ("right_shoulder", "right_elbow")
