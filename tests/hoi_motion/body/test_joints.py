import pytest
from smplx.vertex_ids import vertex_ids

from hoi_motion.body.joints import JOINT_NAMES, KEYPOINT_NAMES, PARENTS, SURFACE_POINTS, index_of


def test_every_parent_comes_before_its_child():
    assert len(PARENTS) == len(JOINT_NAMES) == 55
    assert all(parent < joint for joint, parent in enumerate(PARENTS))


def test_hands_start_where_smplx_has_them():
    assert JOINT_NAMES[25] == "left_index1" and JOINT_NAMES[40] == "right_index1" and JOINT_NAMES[22] == "jaw"


def test_surface_points_are_the_vertices_the_smplx_layer_reads():
    assert sorted(SURFACE_POINTS.values()) == sorted(vertex_ids["smplx"].values())


def test_unknown_keypoint_lists_the_known_ones():
    assert KEYPOINT_NAMES[index_of("nose")] == "nose"
    with pytest.raises(KeyError, match="left_wrist"):
        index_of("tail")
