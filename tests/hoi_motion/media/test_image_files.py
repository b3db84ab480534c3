import numpy as np
import pytest
from PIL import Image

from hoi_motion.media.image_files import read_depth, read_image, read_mask
from tavid_planner.errors import ErrorCode, InputError

GREY = np.random.default_rng(0).integers(0, 256, (64, 96), np.uint8)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "1"])
def test_every_usual_kind_of_picture_becomes_rgb(tmp_path, mode):
    Image.fromarray(GREY).convert(mode).save(tmp_path / "image.png")
    image = read_image(tmp_path / "image.png")
    assert image.shape == (64, 96, 3) and image.dtype == np.uint8


def test_a_sixteen_bit_image_is_refused(tmp_path):
    Image.fromarray(GREY.astype(np.uint16)).save(tmp_path / "image.png")
    with pytest.raises(InputError) as error:
        read_image(tmp_path / "image.png")
    assert error.value.code is ErrorCode.IMAGE_INVALID


def test_a_mask_is_read_as_it_is_stored(tmp_path):
    palette = Image.fromarray((GREY > 100).astype(np.uint8), "P")
    palette.putpalette([0, 0, 0, 255, 0, 0])
    palette.save(tmp_path / "palette.png")
    assert np.array_equal(np.unique(read_mask(tmp_path / "palette.png")), [0, 1])
    Image.fromarray(np.stack([GREY] * 3, -1)).save(tmp_path / "colour.png")
    assert read_mask(tmp_path / "colour.png").shape == (64, 96, 3)


def test_depth_in_millimetres_and_in_metres_agree(tmp_path):
    depth_m = np.linspace(0.5, 4.0, 64 * 96).reshape(64, 96).round(3)
    Image.fromarray((depth_m * 1000).round().astype(np.uint16)).save(tmp_path / "depth.png")
    np.save(tmp_path / "depth.npy", depth_m)
    assert np.allclose(read_depth(tmp_path / "depth.png"), read_depth(tmp_path / "depth.npy"), atol=1e-6)


@pytest.mark.parametrize(
    "read, code",
    [(read_image, ErrorCode.IMAGE_INVALID), (read_mask, ErrorCode.MASK_INVALID), (read_depth, ErrorCode.IMAGE_INVALID)],
)
@pytest.mark.parametrize("damage", ["missing", "folder", "text", "cut", "npy"])
def test_a_file_that_cannot_be_read_is_one_error(tmp_path, read, code, damage):
    path = tmp_path / ("x.npy" if damage == "npy" else "x.png")
    if damage == "folder":
        path.mkdir()
    elif damage in ("text", "npy"):
        path.write_text("hello")
    elif damage == "cut":
        Image.fromarray(GREY).save(path)
        path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(InputError) as error:
        read(path)
    assert error.value.code is code and str(path) in error.value.message
