"""GMR's solver in a process of its own, with its own packages: poses of a person in, the robot's positions out.

python gmr_process.py CHECKOUT ROBOT IN.npz OUT.npz

Only the modules below are used from the checkout; its viewer and its file readers are not imported.
"""

import importlib
import sys
import time
import types
from pathlib import Path

NEEDED = ("numpy", "scipy", "mujoco", "mink", "daqp", "rich")
PACKAGE = "general_motion_retargeting"


def main(checkout: str, robot: str, source: str, target: str) -> int:
    missing = []
    for name in NEEDED:
        try:
            importlib.import_module(name)
        except ImportError:
            missing.append(name)
    folder = Path(checkout) / PACKAGE
    if missing or not folder.is_dir():
        print(f"missing packages: {', '.join(missing)}" if missing else f"no folder {folder}", file=sys.stderr)
        return 3
    package = types.ModuleType(PACKAGE)  # its own __init__ imports a viewer
    package.__path__ = [str(folder)]
    sys.modules[PACKAGE] = package
    solver_class = importlib.import_module(f"{PACKAGE}.motion_retarget").GeneralMotionRetargeting

    import mujoco
    import numpy as np

    given = np.load(source)
    solver = solver_class(src_human="smplx", tgt_robot=robot, actual_human_height=float(given["height_m"]))
    names, points, turns = given["names"].tolist(), given["points_m"], given["quaternions_wxyz"]
    start, path = time.process_time(), []
    for t in range(len(points)):
        path.append(solver.retarget({name: [points[t, i], turns[t, i]] for i, name in enumerate(names)}))
    seconds = time.process_time() - start
    model = solver.model
    joints = [mujoco.mj_id2name(model, mujoco.mjtObj.mjOBJ_JOINT, i) for i in range(1, model.njnt)]
    scale = solver.human_scale_table[solver.human_root_name]
    np.savez(target, qpos=np.array(path), joints=np.array(joints), seconds=seconds, scale=scale)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
