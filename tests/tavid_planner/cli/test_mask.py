"""tavid-mask: files, exit codes and messages."""

import numpy as np
import pytest
from PIL import Image

from hoi_motion.media.video_file import write_video
from tavid_planner.cli.mask import main


@pytest.fixture
def files(tmp_path, make_request):
    request = make_request()
    Image.fromarray(request.rgb).save(tmp_path / "image.png")
    return tmp_path


def run(files, *more, image="image.png", out="found.png"):
    return main(["--image", str(files / image), "--out", str(files / out), *more])


def test_a_click_writes_the_mask_and_a_picture_with_its_outline(files, make_request, capsys):
    assert run(files, "--click", "66,43") == 0
    mask = np.asarray(Image.open(files / "found.png"))
    truth = make_request().target_mask
    assert set(np.unique(mask)) == {0, 255} and ((mask > 0) == truth).mean() > 0.995
    picture = np.asarray(Image.open(files / "found-outline.png").convert("RGB"))
    assert picture.shape[0] % 64 == 0 and picture.shape[1] % 96 == 0
    out = capsys.readouterr().out
    assert "click 66,43 by grabcut" in out and "found-outline.png" in out


def test_the_first_frame_of_a_video_is_marked(files, make_request):
    rgb = make_request().rgb
    write_video(files / "clip.mkv", [rgb, np.roll(rgb, 6, axis=1)], 8.0)
    arguments = ["--video", str(files / "clip.mkv"), "--out", str(files / "found.png"), "--box", "58,34,80,51"]
    main(arguments)
    mask = np.asarray(Image.open(files / "found.png")) > 0
    assert (mask == make_request().target_mask).mean() > 0.99


def test_the_mask_is_one_that_a_plan_takes(files, make_request):
    from hoi_motion.media.image_files import read_mask

    assert run(files, "--box", "60,36,71,49", "--picture", str(files / "look.png")) == 0
    request = make_request(target_mask=read_mask(files / "found.png"))
    assert request.target_mask.any() and (files / "look.png").is_file()


def test_strokes_are_read_from_a_file(files, capsys):
    strokes = np.zeros((64, 96), np.uint8)
    strokes[39, 62:66] = strokes[47, 66:70] = 255
    Image.fromarray(strokes).save(files / "strokes.png")
    assert run(files, "--scribble", str(files / "strokes.png")) == 0
    told = capsys.readouterr()
    assert "strokes of 8 px" in told.out and "another area" not in told.out + told.err  # several are usual


def test_a_doubtful_mask_is_written_and_ends_with_3(files, capsys):
    rgb = np.full((64, 96, 3), 90, np.uint8)
    rgb[:, 70:] = 200
    Image.fromarray(rgb).save(files / "halves.png")
    assert run(files, "--box", "0,0,69,63", image="halves.png") == 3
    assert "doubt    large:" in capsys.readouterr().out and (files / "found.png").is_file()


@pytest.mark.parametrize(
    "more, name",
    [
        ((), "MASK_EMPTY"),
        (("--click", "96,10"), "MASK_INVALID"),
        (("--click", "ten"), "MASK_INVALID"),
        (("--click", "10,10", "--segmenter", "best"), "CONFIG_INVALID"),
        (("--click", "10,10", "--segmenter", "sam:/nowhere"), "MODEL_MISSING"),
        (("--scribble", "/nowhere.png"), "MASK_INVALID"),
    ],
)
def test_what_cannot_be_used_is_named_in_one_line_and_nothing_is_written(files, more, name, capsys):
    before = sorted(files.iterdir())
    assert run(files, *more) != 0
    output = capsys.readouterr().err
    assert name in output and output.count("\n") == 1 and sorted(files.iterdir()) == before


@pytest.mark.parametrize("out", ["image.png", "found.jpg", "nowhere/found.png", "."])
def test_a_place_that_is_no_png_of_its_own_is_refused(files, out, capsys):
    image = (files / "image.png").read_bytes()
    assert run(files, "--click", "66,43", out=out) == 2
    assert "OUTPUT_INVALID" in capsys.readouterr().err and (files / "image.png").read_bytes() == image
