import io
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from hoi_motion.media.image_files import read_depth, read_image, read_labels, read_mask
from tavid_planner.errors import ErrorCode, InputError

HERE = Path(__file__).parent
GREY = np.random.default_rng(0).integers(0, 256, (64, 96), np.uint8)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "1"])
def test_every_usual_kind_of_picture_becomes_rgb(tmp_path, mode):
    Image.fromarray(GREY).convert(mode).save(tmp_path / "image.png")
    image = read_image(tmp_path / "image.png")
    assert image.shape == (64, 96, 3) and image.dtype == np.uint8


def _deep_png(path, channels: int) -> None:
    """A PNG with 16 bits a channel: grey and alpha for two channels, RGB for three, RGB and alpha for four."""
    pixels = np.random.default_rng(0).integers(0, 65536, (8, 9, channels)).astype(">u2")
    head = struct.pack(">IIBBBBB", 9, 8, 16, {2: 4, 3: 2, 4: 6}[channels], 0, 0, 0)
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    chunks = (struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in parts)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))


def test_a_tiff_of_64_bits_is_called_what_it_is_and_depth_files_are_named(tmp_path):
    cv2.imwrite(str(tmp_path / "deep.tif"), np.full((8, 9), 1.5, np.float64))
    with pytest.raises(InputError, match="or of a kind that is not read - give 16-bit millimetres .PNG, TIFF. or"):
        read_depth(tmp_path / "deep.tif")


@pytest.mark.filterwarnings("error")
def test_a_depth_beyond_all_floats_is_infinite(tmp_path):
    np.save(tmp_path / "depth.npy", np.full((8, 9), np.finfo(float).max))
    assert np.isinf(read_depth(tmp_path / "depth.npy")).all()


def test_lab_colours_are_refused_as_what_they_are(tmp_path):
    Image.fromarray(np.full((8, 9, 3), 90, np.uint8), "LAB").save(path := tmp_path / "lab.tif")
    for read, code in ((read_image, "IMAGE"), (read_mask, "MASK"), (read_labels, "MASK"), (read_depth, "IMAGE")):
        with pytest.raises(InputError, match=rf"{code}_INVALID.*CIE L\*a\*b\*: save it as RGB"):
            read(path)


@pytest.mark.parametrize("ending", [".png", ".tif", ".pgm"])
def test_a_sixteen_bit_grey_image_is_refused_and_a_mask_of_it_is_read(tmp_path, ending):
    path = tmp_path / f"image{ending}"
    cv2.imwrite(str(path), np.where(GREY > 100, np.uint16(300), np.uint16(0)))
    with pytest.raises(InputError, match="IMAGE_INVALID.*scale it to 8 bits"):
        read_image(path)
    assert np.array_equal(read_mask(path), GREY > 100)


@pytest.mark.parametrize("kind", ["grey and alpha", "RGB", "RGBA", ".tif", "alpha.tif", ".ppm"])
def test_sixteen_bits_a_channel_are_refused_by_name_and_never_read_by_half(tmp_path, kind):
    path = tmp_path / f"image{kind if '.' in kind else '.png'}"
    if "." in kind:
        cv2.imwrite(str(path), np.full((8, 9, 4 if "alpha" in kind else 3), 300, np.uint16))
    else:
        _deep_png(path, {"grey and alpha": 2, "RGB": 3, "RGBA": 4}[kind])
    for read, code in ((read_image, "IMAGE"), (read_mask, "MASK"), (read_labels, "MASK"), (read_depth, "IMAGE")):
        with pytest.raises(InputError, match=f"{code}_INVALID.*16 bits a channel.*scale it to 8 bits"):
            read(path)


@pytest.mark.parametrize("path", sorted((HERE / "masks").iterdir()), ids=lambda path: path.name)
def test_masks_as_tools_write_them_are_the_same_pixels(path):
    said = []
    assert read_mask(path, say=said.append).sum() == 1616 and len(said) == 1


def _blob(value: int = 255) -> np.ndarray:  # (480, 720)
    return cv2.ellipse(np.zeros((480, 720), np.uint8), (300, 200), (90, 60), 30, 0, 360, value, -1)


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("ending, quality", [("jpg", 50), ("jpg", 98), ("jpg", 100), ("webp", 50), ("webp", 90)])
def test_the_noise_of_a_picture_compressed_with_loss_is_no_label(tmp_path, mode, ending, quality):
    Image.fromarray(_blob()).convert(mode).convert("RGB" if ending == "webp" else mode).save(
        path := tmp_path / f"mask.{ending}", quality=quality
    )
    assert np.array_equal(read_mask(path), _blob() > 0)


@pytest.mark.parametrize("grey, said", [(60, "in areas"), (160, "in areas"), (None, "save it as PNG")])
def test_a_second_grey_or_label_numbers_in_such_a_picture_are_refused(tmp_path, grey, said):
    marked = _blob(255 if grey else 1)
    marked[400:450, 500:600] = grey or 1
    Image.fromarray(marked).save(tmp_path / "mask.jpg", quality=98)
    with pytest.raises(InputError, match=f"MASK_INVALID.*{said}"):
        read_mask(tmp_path / "mask.jpg")


def test_numbers_of_objects_in_a_lossless_picture_are_no_noise(tmp_path):
    marked = _blob()
    marked[400:450, 500:600] = 3
    Image.fromarray(marked).convert("RGB").save(tmp_path / "mask.webp", lossless=True)
    with pytest.raises(InputError, match="MASK_INVALID.*in areas"):
        read_mask(tmp_path / "mask.webp")


def test_a_palette_with_an_alpha_is_a_picture_without_a_word(tmp_path, recwarn):
    cut_out = Image.fromarray(np.dstack([GREY, GREY, GREY, np.where(GREY > 100, np.uint8(255), np.uint8(0))]))
    cut_out.quantize(32).save(tmp_path / "image.png")
    assert read_image(tmp_path / "image.png").shape == (64, 96, 3) and not recwarn.list


@pytest.mark.parametrize("colours", [[0, 0, 0, 255, 0, 0], [0, 0, 0, 128, 0, 0], [0, 0, 0, 0, 0, 0]])
def test_a_palette_marks_by_colour_and_by_number_where_it_has_no_colours(tmp_path, colours):
    palette = Image.fromarray((GREY > 100).astype(np.uint8), "P")
    palette.putpalette(colours)
    palette.save(tmp_path / "palette.png")
    assert np.array_equal(read_mask(tmp_path / "palette.png"), GREY > 100)


def test_a_large_picture_is_refused_by_its_header(recwarn, capfd):
    with pytest.raises(InputError, match="IMAGE_INVALID.*it has 13000x13000 pixels"):
        read_image(HERE / "j13000.jpg")
    assert not recwarn.list and capfd.readouterr().err == ""


def test_a_picture_of_thousands_of_passes_is_refused_before_it_is_drawn(tmp_path):
    Image.new("RGB", (8000, 6000)).save(tmp_path / "many.jpg", progressive=True)
    content = (tmp_path / "many.jpg").read_bytes()
    (tmp_path / "many.jpg").write_bytes(content[:-2] + b"\xff\xda" * 500 + content[-2:])
    with pytest.raises(InputError, match="IMAGE_INVALID.*passes"):
        read_image(tmp_path / "many.jpg")


def test_a_format_that_calls_another_program_is_no_picture(tmp_path):
    (tmp_path / "a.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n")
    with pytest.raises(InputError, match="IMAGE_INVALID"):
        read_image(tmp_path / "a.png")


def test_depth_in_millimetres_and_in_metres_agree(tmp_path):
    depth_m = np.linspace(0.5, 4.0, 64 * 96).reshape(64, 96).round(3)
    Image.fromarray((depth_m * 1000).round().astype(np.uint16)).save(tmp_path / "depth.png")
    np.save(tmp_path / "depth.npy", depth_m)
    assert np.allclose(read_depth(tmp_path / "depth.png"), read_depth(tmp_path / "depth.npy"), atol=1e-6)


def test_whole_numbers_in_an_array_are_millimetres_as_in_a_picture_and_said_to_be(tmp_path):
    np.save(tmp_path / "depth.npy", np.full((64, 96), 800, np.uint16))
    said = []
    assert np.allclose(read_depth(tmp_path / "depth.npy", said.append), 0.8)
    assert len(said) == 1 and "uint16" in said[0] and "millimetres" in said[0]


@pytest.mark.parametrize("name", ["a.npy", "a.NPY", "a.npz"])
@pytest.mark.parametrize("shape", [(5, 8), (1, 5, 8), (1, 1, 5, 8)])
def test_arrays_are_read_by_whatever_name_and_with_a_network_s_axes(tmp_path, name, shape):
    depth_m = np.linspace(0.5, 2.0, 40, dtype=np.float32).reshape(5, 8)
    with open(tmp_path / name, "wb") as file:
        (np.savez if name.endswith("z") else np.save)(file, depth_m.reshape(shape))
    np.testing.assert_array_equal(read_depth(tmp_path / name), depth_m)
    with open(tmp_path / name, "wb") as file:
        (np.savez if name.endswith("z") else np.save)(file, depth_m.reshape(shape) > 1.0)
    np.testing.assert_array_equal(read_mask(tmp_path / name), depth_m > 1.0)


def test_of_several_arrays_that_of_the_kind_is_read_or_all_are_named(tmp_path):
    np.savez(tmp_path / "a.npz", depth=np.ones((5, 8)), mask=np.eye(5, 8, dtype=bool), K=np.eye(3))
    assert read_depth(tmp_path / "a.npz").shape == (5, 8) and read_mask(tmp_path / "a.npz").sum() == 5
    np.savez(tmp_path / "b.npz", first=np.ones((5, 8)), second=np.ones((5, 8)))
    with pytest.raises(InputError, match="'first', 'second'"):
        read_mask(tmp_path / "b.npz")


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


@pytest.mark.parametrize("ending", (".tif", ".gif", ".png", ".webp"))
def test_several_pictures_in_one_file_are_refused_by_name(tmp_path, ending):
    first, second = (Image.fromarray(np.full((8, 8), value, np.uint8)) for value in (0, 255))
    path = tmp_path / f"two{ending}"
    first.save(path, save_all=True, append_images=[second])
    for read in (read_image, read_mask):
        with pytest.raises(InputError, match="several pictures"):
            read(path)


def test_the_picture_of_a_telephone_with_a_second_one_behind_it_is_read_and_its_passes_are_counted(tmp_path):
    first, second = (Image.fromarray(np.full((8, 8, 3), value, np.uint8)) for value in (200, 0))
    path = tmp_path / "phone.jpg"
    first.save(path, "MPO", save_all=True, append_images=[second])
    assert read_image(path).min() > 190
    content = path.read_bytes()
    start = content.index(b"\xff\xe2")
    index = content[start : start + 2 + int.from_bytes(content[start + 2 : start + 4], "big")]
    buffer = io.BytesIO()
    Image.new("L", (8000, 8000)).save(buffer, "JPEG", progressive=True)
    drawn = buffer.getvalue()
    scan = drawn[drawn.rindex(b"\xff\xda") : -2]
    path.write_bytes(drawn[:2] + index + drawn[2:-2] + 30 * scan + b"\xff\xd9")
    with pytest.raises(InputError, match="passes"):
        read_image(path)


def test_two_areas_of_a_mask_are_said_and_two_strokes_are_not(tmp_path):
    marked = np.zeros((60, 80), np.uint8)
    marked[5:10, 5:10] = marked[50:55, 70:75] = 255
    cv2.imwrite(str(tmp_path / "m.png"), marked)
    said = []
    assert read_mask(tmp_path / "m.png", "target mask", said.append).sum() == 50
    assert len(said) == 1 and said[0].startswith(f"target mask {tmp_path / 'm.png'}: it marks another area")
    read_mask(tmp_path / "m.png", "scribble", said.append, one_thing=False)
    assert len(said) == 1
