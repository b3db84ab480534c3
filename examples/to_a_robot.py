"""Joint motion with which a robot does what the person did.

python examples/to_a_robot.py motion.npz panda joints.json
"""

import sys

from hoi_motion import read_motion, retarget
from hoi_motion.retarget.export import write_robot_motion


def main(path: str, robot: str, out: str) -> None:
    joints = retarget(read_motion(path), robot)
    print(
        f"{joints.robot}: {len(joints.positions_rad)} samples of {len(joints.joint_names)} joints at {joints.fps:g} fps"
    )
    for name, fact in joints.facts.items():
        print(f"{name}: {fact}")
    write_robot_motion(joints, out)


if len(sys.argv) != 4:
    sys.exit(__doc__)
main(*sys.argv[1:])
