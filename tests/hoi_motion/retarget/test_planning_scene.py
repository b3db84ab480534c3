"""The scene as a motion planner reads it."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from hoi_motion.retarget.planning_scene import allowed_collisions, finger_links, planning_scene


def transform(pose: dict) -> np.ndarray:
    T = np.eye(4)
    T[:3, :3] = Rotation.from_quat([pose["orientation"][k] for k in "xyzw"]).as_matrix()
    T[:3, 3] = [pose["position"][k] for k in "xyz"]
    return T


def test_things_stand_where_they_do_seen_from_the_robots_base(motion, result, panda):
    found = {o["id"]: o for o in planning_scene(motion, result, panda)["world"]["collision_objects"]}
    table, bar = motion.supports[0], motion.objects[0]
    base = result.T_world_root()
    assert base @ transform(found["table"]["pose"]) == pytest.approx(table.T_world_box)
    assert base @ transform(found["bar"]["pose"]) == pytest.approx(bar.T_world_object[0])
    assert found["table"]["primitives"][0]["dimensions"] == pytest.approx(list(table.size_m))
    mesh = found["bar"]["meshes"][0]
    assert len(mesh["vertices"]) == len(bar.vertices_m) and len(mesh["triangles"]) == len(bar.faces)
    assert {o["header"]["frame_id"] for o in found.values()} == {"panda_link0"}


def test_only_fingers_may_touch_the_object(result, panda):
    matrix = allowed_collisions(result, panda)
    assert matrix["entry_names"] == ["bar", "panda_leftfinger", "panda_rightfinger"] and len(finger_links(panda)) == 2
    assert [row["enabled"] for row in matrix["entry_values"]] == [
        [False, True, True],
        [True, False, False],
        [True, False, False],
    ]
