"""The plan in 3D, in a real browser. Skipped where Playwright or Chromium is absent."""

import io

import numpy as np
import pytest
from PIL import Image

from hoi_motion.io import write_glb
from tavid_planner.media import write_mp4
from tavid_planner.viewer.view import view_html, view_page
from tests.tavid_planner.browsers import CHROMIUM, WAIT_MS, WITH_3D, WITHOUT_3D, sync_api

SIZE = {"width": 480, "height": 420}
STATE = "document.querySelector('.view').dataset"


@pytest.fixture(scope="module")
def chromium():
    with sync_api.sync_playwright() as playwright:
        yield playwright.chromium


@pytest.fixture(scope="module")
def browser(chromium):
    browser = chromium.launch(executable_path=CHROMIUM, args=WITH_3D)
    yield browser
    browser.close()


@pytest.fixture
def html(plan, robot_scene, tmp_path) -> str:
    write_glb(plan.motion, tmp_path / "motion.glb", plan.body)
    robot_scene.save_glb(tmp_path / "robot.glb")
    write_mp4(tmp_path / "video.mp4", plan.video.frames, plan.video.fps)
    clips = {"as <generated>": (tmp_path / "video.mp4").read_bytes()}
    return view_page(plan.motion, (tmp_path / "motion.glb").read_bytes(), clips, (tmp_path / "robot.glb").read_bytes())


@pytest.fixture
def opened(browser, html, tmp_path):
    """The view, paused at its beginning, whose requests for anything but itself are refused and written down."""
    (tmp_path / "view.html").write_text(html)
    page = browser.new_page(viewport=SIZE, reduced_motion="reduce")
    page.set_default_timeout(WAIT_MS)
    page.elsewhere = []
    page.on("request", lambda r: page.elsewhere.append(r.url) if r.url.startswith("http") else None)
    page.goto((tmp_path / "view.html").as_uri())
    page.wait_for_function(f"{STATE}.state !== 'loading'")
    yield page
    page.close()


def drawn(page) -> np.ndarray:  # (H, W, 3)
    page.wait_for_timeout(700)  # a camera's flight
    return np.asarray(Image.open(io.BytesIO(page.locator(".stage").screenshot())).convert("RGB")).astype(int)


def go_to(page, share: float) -> None:
    page.eval_on_selector(
        ".slider", f"s => {{ s.value = {share} * s.max; s.dispatchEvent(new Event('input', {{bubbles: true}})) }}"
    )


def test_the_scene_is_drawn_from_the_page_alone(opened):
    assert opened.evaluate(f"{STATE}.state") == "ready", opened.inner_text(".note")
    opened.click(".modes button[value=person]")
    picture = drawn(opened)
    blue_shirt = (picture[..., 2] > picture[..., 0] + 60).mean()
    assert blue_shirt > 0.005 and opened.elsewhere == []


def test_a_drag_turns_it(opened):
    before = drawn(opened)
    box = opened.locator(".canvas").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    opened.mouse.move(x, y)
    opened.mouse.down()
    opened.mouse.move(x + 120, y, steps=4)
    opened.mouse.up()
    assert (np.abs(drawn(opened) - before).max(-1) > 40).mean() > 0.01


def test_the_video_shows_the_frame_that_the_person_is_in(opened, plan):
    opened.click(".modes button[value=person]")
    for share in (0.0, 0.5, 0.97):
        go_to(opened, share)
        opened.wait_for_timeout(300)
        seconds = opened.eval_on_selector("video", "v => v.currentTime")
        frame = int(opened.evaluate(f"{STATE}.frame"))
        assert frame == int(share * len(plan.video.frames)) and int(seconds * plan.video.fps) == frame


def test_beside_a_robot_the_person_keeps_its_pace(opened, plan, robot_scene):
    assert opened.evaluate(f"{STATE}.mode") == "robot"
    samples = len(robot_scene.source_time_s)
    go_to(opened, 0.5)
    sample = round(0.5 * samples)
    frame = int(robot_scene.source_time_s[sample] * plan.motion.fps + 0.1)
    assert int(opened.evaluate(f"{STATE}.frame")) == frame
    assert f"{samples / robot_scene.fps:.1f} s" in opened.inner_text(".time")


def test_it_plays_and_stops(opened):
    opened.click(".play")
    opened.wait_for_function(f"Number({STATE}.time) > 0.2")
    opened.click(".play")
    stopped = opened.evaluate(f"{STATE}.time")
    opened.wait_for_timeout(300)
    assert opened.evaluate(f"{STATE}.time") == stopped


def test_without_3d_the_videos_stay_as_they_are(chromium, html, tmp_path):
    (tmp_path / "view.html").write_text(html)
    browser = chromium.launch(executable_path=CHROMIUM, args=WITHOUT_3D)
    page = browser.new_page(viewport=SIZE)
    page.goto((tmp_path / "view.html").as_uri())
    page.wait_for_function(f"{STATE}.state !== 'loading'", timeout=WAIT_MS)
    assert "no WebGL" in page.inner_text(".note") and page.get_attribute("video", "controls") is not None
    browser.close()


def test_the_same_plan_gives_the_same_page_and_captions_are_escaped(plan, html, tmp_path):
    again = view_html(
        plan.motion,
        (tmp_path / "motion.glb").read_bytes(),
        {"as <generated>": (tmp_path / "video.mp4").read_bytes()},
        (tmp_path / "robot.glb").read_bytes(),
    )
    assert again in html and "as &lt;generated&gt;" in html
