"""What may be uploaded."""

import numpy as np
import pytest
from PIL import Image

from tavid_planner.errors import ErrorCode, InputError
from tavid_planner.web import uploads
from tavid_planner.web.uploads import accepted_picture


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
