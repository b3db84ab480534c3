"""Options of hoi-lift that would have no effect are refused before any work."""

import pytest

from hoi_motion.scripts import lift


@pytest.mark.parametrize(
    "options", [["--person", "3"], ["--human-from", "wham"], ["--segmenter", "sam2:folder"]], ids=lambda o: o[0]
)
def test_an_option_for_something_that_is_not_given_is_named(tmp_path, capfd, options):
    given = ["--video", "none.mp4", "--mask", "none.png", "--out", str(tmp_path / "motion.npz")]
    assert lift.main([*given, *options]) == 2
    assert options[0] in capfd.readouterr().err
