"""Files of a folder whose names differ in letter case."""

from training.data.clip_files import ClipFiles


def test_of_several_that_may_be_meant_none_is_found_unless_one_has_exactly_the_name(tmp_path):
    for name in ("clip.MP4", "CLIP.mp4"):
        (tmp_path / name).touch()
    files = ClipFiles(tmp_path)
    assert files.find("clip.mp4") == tmp_path / "clip.mp4" and not (tmp_path / "clip.mp4").exists()
    assert files.find("CLIP.mp4") == tmp_path / "CLIP.mp4"


def test_the_mask_of_exactly_the_videos_name_is_its_own(tmp_path):
    for name in ("Clip.mp4", "Clip.png", "clip.png"):
        (tmp_path / name).touch()
    assert ClipFiles(tmp_path).masks("Clip.mp4") == [tmp_path / "Clip.png"]
