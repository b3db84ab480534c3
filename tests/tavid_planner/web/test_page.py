"""What the page needs of the machine."""

import errno
from types import SimpleNamespace

import pytest
from PIL import Image

from hoi_motion.segment import MaskPrompt
from tavid_planner.web.runs import run
from tavid_planner.web.visits import TARGET
from tests.tavid_planner.web.conftest import MINI


def test_a_video_is_shown_on_a_machine_with_an_ffmpeg_and_no_ffprobe(tmp_path, monkeypatch):
    pytest.importorskip("gradio")
    from tavid_planner.web.page import shown_video

    (tmp_path / "ffmpeg").symlink_to("/bin/true")
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "film.mp4").write_bytes(b"clip")
    shown = shown_video()
    assert shown.postprocess(str(tmp_path / "film.mp4")).path == str(tmp_path / "film.mp4")
    assert shown.postprocess(None) is None


def test_a_plan_is_shown_where_the_disk_has_no_room_for_its_copies(desk, visits, make_request, monkeypatch):
    pytest.importorskip("gradio")
    from tavid_planner.web import page

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    visit = visits.of("one")
    visit.show(make_request().rgb)
    visit.mark(TARGET, MaskPrompt(click_px=(66, 43)))
    last = list(run(desk, visit, visit.request("picks up the [TGT] mug", 0, 1), MINI))[-1]
    monkeypatch.setattr(page, "packed", full)
    verdict, *pictures, _, checks, download = page.Page(desk, visits).answer(visit, last)
    assert "cannot be handed over: No space left" in verdict and "<table" in checks
    assert pictures == [None] * 4 and not download.interactive and visit.shown is None


@pytest.fixture
def bomb(tmp_path):
    """64 million pixels in a file of 8 KB, 256 MB once decoded with colours and alpha."""
    Image.new("1", (8000, 8000)).save(tmp_path / "bomb.png")
    return tmp_path / "bomb.png"


def test_pictures_of_the_webcam_are_not_decoded_before_they_are_checked(desk, visits, bomb):
    gr = pytest.importorskip("gradio")
    from tavid_planner.web.page import Page

    page = Page(desk, visits)
    page.build()
    sent = page.webcam.preprocess(gr.image_utils.ImageData(path=str(bomb), orig_name="bomb.png"))
    assert sent == str(bomb)
    *_, told = page._take_upload(sent, SimpleNamespace(session_hash="one"))
    assert "8000x8000" in told and visits.of("one").rgb is None


def test_an_uploaded_photo_brings_the_focal_length_that_it_states(desk, visits, tmp_path):
    pytest.importorskip("gradio")
    from tavid_planner.web.page import Page

    exif = Image.Exif()
    exif.get_ifd(0x8769)[0xA405] = 26
    Image.new("RGB", (400, 300)).save(tmp_path / "photo.jpg", exif=exif)
    page = Page(desk, visits)
    page.build()
    page._take_upload(str(tmp_path / "photo.jpg"), SimpleNamespace(session_hash="one"))
    assert visits.of("one").intrinsics[0, 0] == pytest.approx(26 / 43.27 * 500)


@pytest.mark.parametrize("way", ["file", "blob"])
def test_a_drawing_that_is_too_large_is_refused_before_it_is_decoded(bomb, tmp_path, way):
    gr = pytest.importorskip("gradio")
    from gradio.components.image_editor import EditorData, EditorDataBlobs

    from tavid_planner.web.page import drawing

    editor = drawing(type="numpy")

    def sent(path):
        if way == "file":
            return EditorData(layers=[gr.FileData(path=str(path))])
        editor.blob_storage["id"] = EditorDataBlobs(background=None, layers=[path.read_bytes()], composite=None)
        return EditorData(id="id")

    with pytest.raises(gr.Error, match="8000x8000"):
        editor.preprocess(sent(bomb))
    Image.new("RGBA", (30, 20), "red").save(tmp_path / "small.png")
    assert editor.preprocess(sent(tmp_path / "small.png"))["layers"][0].shape == (20, 30, 4)


def test_a_mark_is_drawn_in_the_picture_that_it_was_made_in(desk, visits, make_request, monkeypatch):
    page = pytest.importorskip("tavid_planner.web.page")
    visit, rgb = visits.of("one"), make_request().rgb
    visit.show(rgb)
    mark = visit.mark

    def mark_and_upload(*given):
        marked = mark(*given)
        visit.show(rgb[:20, :20])  # another upload ends at the same time
        return marked

    monkeypatch.setattr(visit, "mark", mark_and_upload)
    click, request = SimpleNamespace(index=(66, 43)), SimpleNamespace(session_hash="one")
    picture, told = page.Page(desk, visits)._click(TARGET, click, request)
    assert "is marked" in told
    assert picture.shape[0] * rgb.shape[1] == picture.shape[1] * rgb.shape[0]  # small ones are shown larger


def test_a_folder_that_cannot_be_written_is_refused_before_anything_is_loaded(capsys):
    pytest.importorskip("gradio")
    from tavid_planner.cli.web import main

    assert main(["--bundles", "/proc"]) == 2
    assert "cannot write /proc" in capsys.readouterr().err
