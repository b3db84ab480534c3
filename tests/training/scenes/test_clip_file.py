import numpy as np
import pytest

from training.scenes.clip_file import is_whole, iterate_clips, load_clip, save_clip


def test_round_trip(sample, tmp_path):
    save_clip(tmp_path / "clip_1.npz", sample)
    (again,) = iterate_clips(tmp_path)
    for name in ("frames", "instance_ids", "target_mask", "contact_labels"):
        assert np.array_equal(getattr(again, name), getattr(sample, name))
    for name in ("caption", "triplet", "seed", "fps", "id_names", "target_id", "candidate_ids", "depth_m"):
        assert getattr(again, name) == getattr(sample, name)
    assert (
        np.array_equal(again.motion.pose_rad, sample.motion.pose_rad)
        and again.motion.contacts == sample.motion.contacts
    )
    assert np.array_equal(again.K, sample.K)


def test_same_scene_same_bytes(sample, tmp_path):
    save_clip(tmp_path / "a.npz", sample)
    save_clip(tmp_path / "b.npz", sample)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_truncated_file_is_noticed(sample, tmp_path):
    path = tmp_path / "clip.npz"
    save_clip(path, sample)
    assert is_whole(path)
    path.write_bytes(path.read_bytes()[:-200])
    assert not is_whole(path) and not is_whole(tmp_path / "absent.npz")
    with pytest.raises(ValueError, match="not a readable clip"):
        load_clip(path)
