"""The page in a real browser, from picture to verdict. Skipped where Gradio, Playwright or Chromium is absent."""

import pytest
from PIL import Image

from tests.tavid_planner.browsers import CHROMIUM, WAIT_MS, WITH_3D, sync_api
from tests.tavid_planner.web.conftest import MINI

pytest.importorskip("gradio", reason="the page needs Gradio: pip install 'tavid_planner[web]'")
MUG = (66.5 / 96, 43.5 / 64)
ANSWERS = "#marked .found, #marked .doubt, #marked .error"


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=WITH_3D)
        yield browser
        browser.close()


@pytest.fixture
def url(desk, visits, monkeypatch):
    from tavid_planner.web.serve import launched

    monkeypatch.setattr("tavid_planner.web.page.load_profile", lambda name: MINI)
    page, url = launched(desk, visits, "mini", "127.0.0.1", 0)
    yield url
    page.close()


@pytest.fixture
def opened(browser, url):
    """A function that opens the page anew, in a profile of its own."""
    contexts = []

    def open_page():
        contexts.append(browser.new_context(viewport={"width": 1400, "height": 1300}))
        page = contexts[-1].new_page()
        page.set_default_timeout(WAIT_MS)
        page.elsewhere = []
        page.on("request", lambda r: page.elsewhere.append(r.url) if r.url.startswith("http") else None)
        page.goto(url)
        page.wait_for_selector("#plan")
        return page

    yield open_page
    for context in contexts:
        context.close()


def give(page, path) -> None:
    page.set_input_files("#upload input[type=file]", str(path))


def mark(page, place=MUG) -> str:
    """Click at a share of the picture's width and height; what the page says."""
    page.wait_for_selector("#picture img")
    box = page.locator("#picture img").bounding_box()
    page.locator("#picture img").click(position={"x": place[0] * box["width"], "y": place[1] * box["height"]})
    page.wait_for_selector(ANSWERS)
    return page.inner_text("#marked")


def say(page, instruction: str) -> None:
    page.fill("#instruction textarea, #instruction input", instruction)


def answer(page, kinds: str = "verdict, error") -> str:
    page.wait_for_selector(", ".join(f"#status .{kind.strip()}" for kind in kinds.split(",")))
    return page.inner_text("#status")


def test_a_picture_a_click_a_sentence_and_a_button_give_a_verdict(opened, url, photograph):
    page = opened()
    give(page, photograph)
    assert "target is marked" in mark(page)
    say(page, "fails to pick up the [TGT] mug")
    page.click("#plan")
    assert "FAIL" in answer(page) and "floor" in page.inner_text("#status")
    page.wait_for_selector("#film video")
    page.frame_locator("#scene iframe").locator(".view[data-state=ready]").wait_for()
    page.get_by_role("tab", name="Checks").click()
    page.locator("#checks").wait_for()
    assert "penetration" in page.inner_text("#checks")
    with page.expect_download() as download:
        # by the keyboard: where the 3D view has just moved, a slow browser still gives its old place the clicks
        page.press("#bundle", "Enter")
    assert download.value.suggested_filename.endswith(".zip")
    assert [u for u in page.elsewhere if not u.startswith(url)] == []


def test_a_plan_is_cancelled_and_the_next_one_is_made(opened, photograph):
    page = opened()
    give(page, photograph)
    mark(page)
    say(page, "slowly picks up the [TGT] mug")
    page.click("#plan")
    answer(page, "progress")
    page.click("#cancel")
    assert "ancel" in answer(page)
    say(page, "picks up the [TGT] mug")
    page.click("#plan")
    assert "PASS" in answer(page, "verdict")


def test_what_is_no_picture_and_what_is_too_large_is_told_and_the_page_goes_on(opened, photograph, tmp_path):
    page = opened()
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n nothing")
    give(page, tmp_path / "broken.png")
    page.wait_for_selector("#marked .error")
    assert "not a readable picture" in page.inner_text("#marked")
    page.reload()
    page.wait_for_selector("#plan")
    Image.new("1", (8000, 8000)).save(tmp_path / "huge.png")
    give(page, tmp_path / "huge.png")
    page.wait_for_selector("#marked .error")
    assert "8000x8000" in page.inner_text("#marked")
    page.reload()
    page.wait_for_selector("#plan")
    give(page, photograph)
    assert "target is marked" in mark(page)


def test_a_plan_without_picture_target_or_words_says_what_is_missing(opened, photograph):
    page = opened()
    page.click("#plan")
    assert "no picture" in answer(page)
    give(page, photograph)
    page.wait_for_selector("#picture img")
    page.click("#plan")
    page.wait_for_function("document.querySelector('#status').innerText.includes('target')")
    mark(page)
    page.click("#plan")
    page.wait_for_function("document.querySelector('#status').innerText.includes('nstruction is empty')")


def test_a_click_on_nothing_is_doubted_or_refused(opened, photograph):
    page = opened()
    give(page, photograph)
    told = mark(page, (0.1, 0.1))
    assert "Look twice" in told or "stands out" in told


def test_strokes_mark_what_is_under_them_and_its_outline_is_shown(opened, photograph):
    page = opened()
    give(page, photograph)
    page.wait_for_selector("#picture img")
    page.get_by_role("tab", name="Strokes").click()
    page.click("#use-strokes")
    page.wait_for_selector("#marked .error")
    canvas = page.locator("#strokes canvas").first
    canvas.wait_for()
    box = canvas.bounding_box()
    # the picture, 480x320, lies in the middle of the canvas
    scale = min(box["width"] / 480, box["height"] / 320, 1)
    x = box["x"] + box["width"] / 2 + (MUG[0] - 0.5) * 480 * scale
    y = box["y"] + box["height"] / 2 + (MUG[1] - 0.5) * 320 * scale
    page.mouse.move(x - 8, y)
    page.mouse.down()
    page.mouse.move(x + 8, y, steps=4)
    page.mouse.up()
    page.wait_for_timeout(1000)  # the editor hands its picture on a moment later
    page.click("#use-strokes")
    page.wait_for_selector("#marked .found, #marked .doubt")
    page.locator("#picture img").wait_for(state="visible")


def test_two_pages_at_once_wait_for_each_other_and_see_nothing_of_each_other(opened, photograph):
    first, second = opened(), opened()
    give(first, photograph)
    mark(first)
    say(first, "slowly picks up the [TGT] mug")
    first.click("#plan")
    answer(first, "progress")
    assert second.locator("#picture img").count() == 0 and second.inner_text("#status").strip() == ""
    give(second, photograph)
    mark(second)
    say(second, "picks up the [TGT] mug")
    second.click("#plan")
    assert "number 1 in the queue" in answer(second, "wait")
    first.click("#cancel")
    assert "ancel" in answer(first)
    assert "PASS" in answer(second, "verdict")
    assert first.locator("#film video").count() == 0
