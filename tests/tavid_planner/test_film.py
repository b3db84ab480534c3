"""The film of a plan: what each panel shows at each moment."""

from dataclasses import replace

import numpy as np
import pytest

from hoi_motion.errors import InputError
from hoi_motion.ground.still_world import as_filmed
from tavid_planner import film
from tavid_planner.film import END_HOLD_S, START_HOLD_S, RobotTake, film_frames, write_film


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Panels that are drawn in no time."""
    monkeypatch.setattr(film, "PANEL_PX", (180, 120))


def whole_film(plan, robot=None) -> tuple[np.ndarray, float]:
    frames, fps = film_frames(plan, robot)
    return np.stack(list(frames)), fps


def panels(frames: np.ndarray) -> list[np.ndarray]:
    return [frames[(slice(None), *place)] for place in film._places()]


def test_the_video_panel_shows_the_videos_frames_in_their_time(plan):
    frames = np.array(plan.video.frames)
    for t in range(len(frames)):  # a grey of its own for every frame
        frames[t] = 10 + 20 * t
    plan = plan_with(plan, frames)
    shown, fps = whole_film(plan)
    grey = panels(shown)[1].mean((1, 2, 3)).round()
    first, last = round(START_HOLD_S * fps), round(END_HOLD_S * fps)
    inside = grey[first : first + len(frames)]
    assert len(shown) == first + len(frames) + last
    assert (grey[:first] == grey[0]).all() and (grey[-last:] == grey[-1]).all()
    assert (np.diff(inside) > 0).all()


def test_the_lifted_panel_shows_a_world_that_stands_still(plan):
    turning = np.tile(np.eye(4), (plan.motion.num_frames, 1, 1))
    turning[1:, :3, :3] = [[0, 0, 1], [0, 1, 0], [-1, 0, 0]]
    turned = replace(plan, motion=as_filmed(plan.motion, turning, plan.body))
    still, filmed = (panels(whole_film(one)[0])[2].astype(int) for one in (plan, turned))
    assert (np.abs(still - filmed).max(axis=3) > 60).mean() < 0.002


def plan_with(plan, frames):
    return replace(plan, video=replace(plan.video, frames=frames))


def test_the_target_is_outlined_in_what_was_given_and_the_lift_moves_nothing_there(plan):
    given = panels(whole_film(plan)[0])[0]
    red, green, blue = given[0].astype(int).transpose(2, 0, 1)
    assert (green - np.maximum(red, blue) > 40).any() and (given == given[0]).all()


def test_a_robots_take_stands_in_the_last_panel_in_its_own_time_and_the_film_waits_for_its_end(plan):
    take = RobotTake("panda", np.stack([np.full((24, 36, 3), 8 * k, np.uint8) for k in range(30)]), 10.0, "done")
    shown, fps = whole_film(plan, take)
    middle = panels(shown)[3][:, 60, 90, 0]
    assert fps == film.SMOOTH_FPS and len(shown) == sum(round(s * fps) for s in (START_HOLD_S, 3.0, END_HOLD_S))
    at = round(START_HOLD_S * fps) + round(1.55 * fps)
    assert middle[0] == 0 and middle[at] == 8 * 15 and middle[-1] == 8 * 29
    assert take.caption == "panda: done"


def test_frames_of_a_robot_that_are_no_pictures_are_refused():
    with pytest.raises(InputError, match="frames of the robot"):
        RobotTake("panda", np.zeros((3, 4, 5)), 10.0)


def test_a_title_longer_than_the_page_and_one_of_other_letters_stay_on_the_page(plan, make_request):
    from dataclasses import replace

    for text in ("picks up the [TGT] mug " * 30, "拿起 [TGT] 杯子", "prend la [TGT] tasse dorée"):
        shown, _ = film_frames(replace(plan, request=make_request(instruction=text)))
        assert (next(shown)[:20, -film.MARGIN_PX :] == film.PAPER).all()


def test_the_file_is_a_video_of_that_length(plan, tmp_path):
    from hoi_motion.media.video_file import read_video

    write_film(plan, tmp_path / "film.mp4")
    clip = read_video(tmp_path / "film.mp4", 512)
    frames, fps = whole_film(plan)
    assert len(clip.frames) == len(frames) and clip.fps == pytest.approx(fps)
    assert np.abs(clip.frames[0].astype(int) - frames[0]).mean() < 6
