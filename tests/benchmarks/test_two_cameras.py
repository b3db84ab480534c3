"""Lifts of one moment by two cameras: how far they disagree."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from benchmarks.two_cameras import LEAST_JOINTS, disagreement, main, mean_mm

J = 13


@pytest.fixture
def views():
    """Joints (3, 13, 3) of a moment, and the same from elsewhere, turned and of another size."""
    rng = np.random.default_rng(0)
    one = rng.normal(0, 0.4, (3, J, 3))
    return one, 1.1 * one @ Rotation.from_rotvec([0.3, -1.2, 0.4]).as_matrix().T + [1.0, 0.2, 3.0]


def test_views_that_differ_in_place_turn_and_size_agree(views):
    assert disagreement(*views, np.ones((3, J), bool)).max() < 1e-6


def test_a_joint_that_is_off_counts_where_it_is_seen(views):
    one, other = views
    other[:, 4] += [0.0, 0.0, 0.3]
    seen = np.ones((3, J), bool)
    seen[1, 4] = False
    apart = disagreement(one, other, seen)
    assert apart[0].argmax() == 4 and 150 < apart[0, 4] < 330
    assert np.isnan(apart[1, 4]) and np.nanmax(apart[1]) < 1e-6


def test_frames_with_few_joints_or_without_points_do_not_count(views):
    one, other = views
    seen = np.ones((3, J), bool)
    seen[0, LEAST_JOINTS - 1 :] = False
    other[1] = 0.0
    apart = disagreement(one, other, seen)
    assert np.isnan(apart[:2]).all() and np.isfinite(apart[2]).all()
    assert np.isnan(mean_mm(apart[:2])) and mean_mm(apart) < 1e-6


def test_a_folder_without_videos_is_told(tmp_path, capsys):
    assert main(["--moments", str(tmp_path)]) == 2
    assert str(tmp_path) in capsys.readouterr().err
