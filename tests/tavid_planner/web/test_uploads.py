"""What may be uploaded."""

import io

import numpy as np
import pytest
from PIL import Image

from tavid_planner.errors import ErrorCode, InputError
from tavid_planner.web import uploads
from tavid_planner.web.uploads import MAX_LAYERS, accepted_picture, check_drawing


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp"])
def test_a_photograph_of_every_usual_kind_is_read(tmp_path, kind):
    Image.fromarray(np.full((40, 60, 3), 120, np.uint8)).save(tmp_path / f"a.{kind}")
    assert accepted_picture(tmp_path / f"a.{kind}").shape == (40, 60, 3)


def broken(path):
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"x" * 200)


def cut_off(path):
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (200, 200, 3), np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[:5000])


def text(path):
    path.write_text("<svg onload='alert(1)'/>")


def another_kind(path):
    Image.fromarray(np.zeros((40, 60, 3), np.uint8)).save(path, format="GIF")


def huge(path):
    Image.new("1", (9000, 30)).save(path)


def many_pixels(path):
    Image.new("1", (8000, 8000)).save(path)


@pytest.mark.parametrize("make", [broken, cut_off, text, another_kind, huge, many_pixels])
def test_an_unsuitable_picture_is_refused_without_revealing_its_path(tmp_path, make):
    path = tmp_path / "a.png"
    make(path)
    with pytest.raises(InputError) as error:
        accepted_picture(path)
    assert error.value.code == ErrorCode.IMAGE_INVALID and error.value.hint
    assert str(tmp_path) not in str(error.value)


def test_a_file_that_is_too_large_is_refused_before_it_is_opened(tmp_path, monkeypatch):
    monkeypatch.setattr(uploads, "MAX_BYTES", 1000)
    (tmp_path / "a.png").write_bytes(b"x" * 1001)
    with pytest.raises(InputError, match="MB"):
        accepted_picture(tmp_path / "a.png")


def test_a_drawing_of_a_photograph_is_accepted_as_files_and_as_bytes(tmp_path):
    Image.new("RGBA", (4000, 3000)).save(tmp_path / "a.png")
    check_drawing([str(tmp_path / "a.png"), (tmp_path / "a.png").read_bytes()])


@pytest.mark.parametrize("size", [(9000, 30), (8000, 8000)])
def test_a_drawing_with_a_large_layer_is_refused(size):
    large, small = io.BytesIO(), io.BytesIO()
    Image.new("1", size).save(large, "PNG")
    Image.new("1", (9, 9)).save(small, "PNG")
    with pytest.raises(InputError, match="pixels"):
        check_drawing([small.getvalue(), large.getvalue()])


def test_a_drawing_of_many_layers_is_refused():
    small = io.BytesIO()
    Image.new("1", (9, 9)).save(small, "PNG")
    check_drawing([small.getvalue()] * MAX_LAYERS)
    with pytest.raises(InputError, match="layers"):
        check_drawing([small.getvalue()] * (MAX_LAYERS + 1))
