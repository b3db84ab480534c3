"""What a photo says of its focal length."""

import numpy as np
import pytest
from PIL import Image

from hoi_motion.media.image_files import read_image
from hoi_motion.media.stated_focal import stated_intrinsics


def photo(tmp_path, focal_mm, size=(400, 300), wrote=None, turned=1, name="photo.jpg"):
    exif = Image.Exif()
    exif[0x0112] = turned
    notes = exif.get_ifd(0x8769)
    if focal_mm is not None:
        notes[0xA405] = focal_mm
    if wrote:
        notes[0xA002], notes[0xA003] = wrote
    path = tmp_path / name
    Image.new("RGB", size).save(path, exif=exif)
    return path


def test_the_angle_from_corner_to_corner_is_that_of_film(tmp_path):
    K = stated_intrinsics(photo(tmp_path, 26), (300, 400))
    across = 2 * np.arctan(np.hypot(400, 300) / 2 / K[0, 0])
    assert across == pytest.approx(2 * np.arctan(np.hypot(36, 24) / 2 / 26), rel=1e-3)
    assert K[1, 1] == K[0, 0] and K[:2, 2].tolist() == [199.5, 149.5]


def test_a_photo_that_is_held_upright_has_its_middle_where_it_is_shown(tmp_path):
    path = photo(tmp_path, 26, turned=6)
    height, width = read_image(path).shape[:2]
    K = stated_intrinsics(path, (height, width))
    assert (width, height) == (300, 400)
    assert K[:2, 2].tolist() == [149.5, 199.5]


def test_a_photo_that_was_scaled_keeps_its_angle_and_one_that_was_cropped_has_lost_it(tmp_path):
    said = []
    scaled = stated_intrinsics(photo(tmp_path, 26, wrote=(4000, 3000)), (300, 400), said.append)
    assert scaled is not None and "from its EXIF (26 mm on 35 mm film)" in said[0]
    assert stated_intrinsics(photo(tmp_path, 26, wrote=(4000, 2250)), (300, 400), said.append) is None
    assert "4000x2250 pixels when its camera wrote its focal length: not used" in said[1]


@pytest.mark.parametrize("focal_mm", [None, 0, 3, 60000])
def test_a_photo_that_does_not_say_or_says_the_impossible_tells_nothing(focal_mm, tmp_path):
    assert stated_intrinsics(photo(tmp_path, focal_mm), (300, 400)) is None


def test_damaged_notes_tell_nothing_and_do_no_harm(tmp_path):
    path = photo(tmp_path, 26)
    content = path.read_bytes()
    start = content.index(b"Exif")
    rng = np.random.default_rng(0)
    for _ in range(200):
        damaged = bytearray(content)
        for at in rng.integers(start, start + 60, 4):
            damaged[at] = rng.integers(256)
        path.write_bytes(damaged)
        K = stated_intrinsics(path, (300, 400))
        assert K is None or np.isfinite(K).all()


def test_a_picture_without_notes_tells_nothing(tmp_path):
    Image.new("RGB", (40, 30)).save(tmp_path / "frame.png")
    assert stated_intrinsics(tmp_path / "frame.png", (30, 40)) is None
