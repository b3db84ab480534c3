"""Who touches what, and when."""

from dataclasses import replace

import numpy as np
import pytest

from hoi_motion.keypoints import hands
from hoi_motion.lift import contact
from hoi_motion.lift.track.similarity import IDENTITY
from hoi_motion.lift.track.track import ObjectTrack
from hoi_motion.motion import HANDS

FPS = 8.0


def _square(centre, half, size_px=(240, 360)):
    mask = np.zeros(size_px, bool)
    x, y = np.round(centre).astype(int)
    mask[max(0, y - half) : y + half + 1, max(0, x - half) : x + half + 1] = True
    return mask


def touches(track, mask, mask_at=None) -> dict[str, np.ndarray]:
    """Frames in which each hand is near enough to the object in the picture."""
    near_px = contact.tolerance_px(track, mask)
    distances = contact.hand_distances_px(track, mask_at or (lambda t: mask))
    return {hand: distance <= near_px for hand, distance in distances.items()}


@pytest.fixture
def reaching(acted):
    """A track whose right hand arrives at the returned place in its last frames."""
    track = acted(12).track
    return track, track.right_hand_px[-1, [4, 8, 12], :2].mean(0)


def test_the_hand_that_arrives_touches_and_the_other_does_not(reaching):
    track, place = reaching
    touching = touches(track, _square(place, 6))
    assert touching["right_hand"][-1] and not touching["right_hand"][0]
    assert not touching["left_hand"].any()


def test_of_a_large_thing_too_a_hand_is_a_palm_away_at_most(reaching):
    track, place = reaching
    palm_px = hands.PALM * track.person_height_px()
    large = np.zeros((240, 360), bool)
    large[:, : round(track.right_hand_px[-1, :, 0].min() - 1.3 * palm_px)] = True
    assert contact.NEAR_OBJECT * np.sqrt(large.sum()) > 1.5 * palm_px
    assert not touches(track, large)["right_hand"][-1]


def test_masks_may_change_over_time(reaching):
    track, place = reaching
    masks = np.stack([_square(place, 6)] * 12)
    masks[-2:] = _square((20, 20), 6)
    assert not touches(track, masks[0], lambda t: masks[t])["right_hand"][-2:].any()


def test_without_hand_landmarks_the_wrist_and_knuckles_reach_on(reaching):
    track, place = reaching
    blind = track.right_hand_px.copy()
    blind[..., 2] = 0
    body = track.body_px.copy()
    body[:, [18, 20, 22]] = track.right_hand_px[:, [17, 5, 2]]
    coarse = replace(track, right_hand_px=blind, body_px=body)
    assert touches(coarse, _square(place, 6))["right_hand"][-1]


def test_the_hand_that_goes_with_the_moving_object_holds_it(reaching):
    track, place = reaching
    similarity = np.tile(IDENTITY, (12, 1, 1))
    hand = track.right_hand_px[:, [4, 8, 12], :2].mean(1)
    similarity[8:, :, 2] = hand[8:] - hand[8]
    target = ObjectTrack(_square(hand[8], 6), similarity, np.ones(12), np.arange(12) < 8)
    intervals = contact.contact_intervals(track, target, FPS)
    assert {c.hand for c in intervals} == {"right_hand"}
    assert max(c.end_frame for c in intervals) == 12
    assert any(c.start_frame <= 8 < c.end_frame and c.confidence > 0.8 for c in intervals)


@pytest.mark.parametrize("holder", HANDS)
def test_of_two_hands_over_an_object_that_moves_the_one_that_goes_along_holds_it(reaching, holder):
    track, place = reaching
    way = np.maximum(np.arange(12) - 6, 0)[:, None] * [3.0, 0.0]
    hands = {hand: np.tile([*place, 1.0], (12, 21, 1)) for hand in HANDS}
    hands[holder][..., :2] += way[:, None]
    both = replace(track, left_hand_px=hands["left_hand"], right_hand_px=hands["right_hand"])
    similarity = np.tile(IDENTITY, (12, 1, 1))
    similarity[:, :, 2] = way
    target = ObjectTrack(_square(place, 20), similarity, np.ones(12), np.arange(12) < 7)
    distances = contact.hand_distances_px(both, target.mask_at)
    assert max(distance.max() for distance in distances.values()) == 0
    assert contact.holding_hand(both, target, distances, contact.tolerance_px(both, target.mask), FPS) == holder


def test_a_second_hand_that_went_with_the_object_touches_on_where_it_stops(reaching):
    track, place = reaching
    way = np.clip(np.arange(12) - 4, 0, 3)[:, None] * [2.0, 0.0]
    similarity = np.tile(IDENTITY, (12, 1, 1))
    similarity[:, :, 2] = way
    body, both = track.body_px.copy(), {}
    for hand, gap_px in zip(HANDS, (1.0, 0.0)):
        points = np.tile([*place, 1.0], (12, 21, 1))
        # most of the hand is beside it
        points[:, 12:, 1] += 40
        both[hand] = points
        points[..., :2] += way[:, None] + [0, 6 + gap_px]
        body[:, hands.BODY_HAND[hand], :2] = points[:, [-1] * 4, :2]
    track = replace(track, body_px=body, left_hand_px=both["left_hand"], right_hand_px=both["right_hand"])
    target = ObjectTrack(_square(place, 6), similarity, np.ones(12), (np.arange(12) < 5) | (np.arange(12) > 7))
    ends = {c.hand: c.end_frame for c in contact.contact_intervals(track, target, FPS)}
    assert ends == {"left_hand": 12, "right_hand": 12}


def test_who_has_put_an_object_down_and_gone_held_it_all_the_same(reaching):
    track, place = reaching
    x = np.r_[0, 5, 10, 15, 20, 25, 30, 35, 60, 90, 120, 150]
    hands_px = {hand: np.tile([*place, 1.0], (12, 21, 1)) for hand in HANDS}
    hands_px["right_hand"][..., 0] += x[:, None]
    both = replace(track, left_hand_px=hands_px["left_hand"], right_hand_px=hands_px["right_hand"])
    similarity = np.tile(IDENTITY, (12, 1, 1))
    similarity[:, 0, 2] = np.minimum(x, 35)
    target = ObjectTrack(_square(place, 20), similarity, np.ones(12), np.zeros(12, bool))
    distances = contact.hand_distances_px(both, target.mask_at)
    assert contact.holding_hand(both, target, distances, contact.tolerance_px(both, target.mask), FPS) == "right_hand"


@pytest.mark.parametrize("sees_it, ends", [(True, 8), (False, 12)])
def test_a_hand_that_is_seen_to_leave_what_it_has_put_down_holds_it_no_longer(reaching, sees_it, ends):
    track, _ = reaching
    x = np.r_[0, 5, 10, 15, 20, 25, 30, 35, 60, 90, 120, 150]
    track = _moved_to(track, np.column_stack([x, np.zeros(12)]))
    if not sees_it:
        track.right_hand_px[8:, :, 2] = 0
        track.body_px[8:, :, 2] = 0
    similarity = np.tile(IDENTITY, (12, 1, 1))
    similarity[:, 0, 2] = np.minimum(x, 35)  # it goes with the hand and then lies elsewhere
    mask = _square(hands.hand_points_px(track, "right_hand")[0, :, :2].mean(0), 5)
    target = ObjectTrack(mask, similarity, np.ones(12), np.zeros(12, bool))
    (held,) = [c for c in contact.contact_intervals(track, target, FPS) if c.hand == "right_hand"]
    assert (held.start_frame, held.end_frame) == (0, ends)


@pytest.mark.parametrize("beside_px, ends", [(40, 15), (0, 24)])
def test_a_hand_that_rests_beside_what_it_has_put_down_holds_it_no_longer(acted, beside_px, ends):
    """It is nearer than a detector's errors, but it went there by itself while the thing kept still."""
    carried = np.minimum(5.0 * np.arange(24), 35)
    away = np.where(np.arange(24) >= 15, beside_px, 0)
    track = _moved_to(acted(24).track, np.column_stack([carried + away, np.zeros(24)]))
    similarity = np.tile(IDENTITY, (24, 1, 1))
    similarity[:, 0, 2] = carried
    mask = _square(hands.hand_points_px(track, "right_hand")[0, :, :2].mean(0), 20)
    target = ObjectTrack(mask, similarity, np.ones(24), np.zeros(24, bool))
    (held,) = [c for c in contact.contact_intervals(track, target, FPS) if c.hand == "right_hand"]
    assert (held.start_frame, held.end_frame) == (0, ends)


@pytest.mark.parametrize("step_px, touched", [(12.0, False), (0.5, True)])
def test_what_flies_past_a_hand_is_not_touched_and_what_stops_at_it_is(acted, step_px, touched):
    frames = 40
    track = _moved_to(acted(frames).track, np.zeros((frames, 2)))  # a hand that keeps still
    similarity = np.tile(IDENTITY, (frames, 1, 1))
    similarity[:, 0, 2] = step_px * (np.arange(frames) - frames / 2)
    mask = _square(hands.hand_points_px(track, "right_hand")[0, :, :2].mean(0), 10)
    target = ObjectTrack(mask, similarity, np.ones(frames), np.zeros(frames, bool))
    assert any(c.hand == "right_hand" for c in contact.contact_intervals(track, target, FPS)) == touched


def _moved_to(track, offsets_px):
    """The track with its right hand and wrist shifted, (T, 2)."""
    hand, body = track.right_hand_px.copy(), track.body_px.copy()
    hand[..., :2] = hand[:1, :, :2] + np.asarray(offsets_px, float)[:, None]
    return replace(track, right_hand_px=hand, body_px=body)


def _resting(mask):
    return ObjectTrack(mask, np.tile(IDENTITY, (12, 1, 1)), np.ones(12), np.ones(12, bool))


@pytest.mark.parametrize("start_px, touches", [(-60, True), (0, False)])
def test_a_hand_that_came_to_rest_touches_from_further_away_than_one_that_was_there(reaching, start_px, touches):
    track, _ = reaching
    x = np.r_[np.linspace(start_px, 0, 6), np.zeros(6)]
    track = _moved_to(track, np.column_stack([x, np.zeros(12)]))
    points = hands.hand_points_px(track, "right_hand")[-1, :, :2]
    right, middle = points[:, 0].max(), points[np.argsort(points[:, 0])[-3:], 1].mean()
    mask = _square((right + 16, middle), 8)
    distance = contact.hand_distances_px(track, lambda t: mask)["right_hand"][-1]
    near = contact.tolerance_px(track, mask)
    # put the object where only the hand that came to rest is near enough
    mask = np.roll(mask, int(round(1.3 * near - distance)), axis=1)
    assert near < contact.hand_distances_px(track, lambda t: mask)["right_hand"][-1] < contact.STILL_FACTOR * near
    assert any(c.hand == "right_hand" for c in contact.contact_intervals(track, _resting(mask), FPS)) == touches


def test_a_hand_that_only_hung_before_the_object_touches_when_it_comes_back(reaching):
    track, _ = reaching
    x = np.r_[0, 0, 0, 30, 60, 60, 60, 30, 0, 0, 0, 0]
    track = _moved_to(track, np.column_stack([x, np.zeros(12)]))
    mask = _square(hands.hand_points_px(track, "right_hand")[0, :, :2].mean(0), 5)
    (touch,) = [c for c in contact.contact_intervals(track, _resting(mask), FPS) if c.hand == "right_hand"]
    assert (touch.start_frame, touch.end_frame) == (8, 12)


@pytest.mark.parametrize("gap_px, touches", [(4.0, True), (8.0, False)])
def test_of_a_small_figure_a_hand_that_came_and_stays_touches_from_a_few_pixels_away(reaching, gap_px, touches):
    track, _ = reaching
    x = np.r_[np.linspace(-60, 0, 6), np.zeros(6)]
    track = _moved_to(track, np.column_stack([x, np.zeros(12)]))
    small = [points * [0.3, 0.3, 1.0] for points in (track.body_px, track.left_hand_px, track.right_hand_px)]
    track = replace(track, body_px=small[0], left_hand_px=small[1], right_hand_px=small[2])
    assert contact.STILL_FACTOR * contact.tolerance_px(track, _square((50, 30), 3, (72, 108))) < 4.0
    points = hands.hand_points_px(track, "right_hand")[-1, :, :2]
    nearest = points[np.argsort(points[:, 0])[-3:]].mean(0)
    mask = _square((np.ceil(nearest[0] + gap_px) + 3, nearest[1]), 3, (72, 108))
    assert any(c.hand == "right_hand" for c in contact.contact_intervals(track, _resting(mask), FPS)) == touches


def _arm(track, forearm_deg, upper_deg):
    """The track with its right hand in its first place, and forearm and upper arm so many degrees off pointing down."""
    track = _moved_to(track, np.zeros((12, 2)))
    body, wrist = track.body_px.copy(), track.right_hand_px[0, 0, :2]
    body[:, 16, :2] = wrist
    for joint, beyond, angle_deg in ((14, 16, forearm_deg), (12, 14, upper_deg)):
        along = np.array([np.sin(np.deg2rad(angle_deg)), np.cos(np.deg2rad(angle_deg))])
        body[:, joint, :2] = body[:, beyond, :2] - 40 * along
    return replace(track, body_px=body)


@pytest.mark.parametrize(
    "forearm_deg, upper_deg, beside, touched",
    [(90, 20, False, True), (10, -10, False, False), (25, -40, False, True), (90, 20, True, False)],
)
def test_who_holds_a_thing_still_from_the_start_has_a_raised_hand_on_it(
    reaching, forearm_deg, upper_deg, beside, touched
):
    """Not an arm that hangs before it, but one with a bent elbow; and not a hand that rests beside it, as near as a
    touch may be."""
    track = _arm(reaching[0], forearm_deg, upper_deg)
    points = hands.hand_points_px(track, "right_hand")[0, :, :2]
    middle, fingers = points.mean(0), points[np.argsort(points[:, 0])[-3:]].mean(0) + [8, 0]
    mask = _square(fingers if beside else middle, 8)
    assert touches(track, mask)["right_hand"].all()
    touching = contact.contact_intervals(track, _resting(mask), FPS)
    assert [(c.hand, c.start_frame, c.end_frame) for c in touching] == touched * [("right_hand", 0, 12)]


def test_who_took_what_moves_holds_it_though_the_hand_is_not_seen_since(reaching):
    track, place = reaching
    similarity = np.tile(IDENTITY, (12, 1, 1))
    similarity[6:, 0, 2] = np.arange(6) * 6.0
    x = np.r_[np.linspace(-100, -60, 5), 0, np.full(6, 60)]
    track = _moved_to(track, np.column_stack([x, np.zeros(12)]))
    hand, body = track.right_hand_px.copy(), track.body_px.copy()
    hand[7:, :, 2], body[7:, [16, 18, 20, 22], 2] = 0.0, 0.0
    track = replace(track, right_hand_px=hand, body_px=body)
    mask = _square(hands.hand_points_px(track, "right_hand")[5, :, :2].mean(0), 8)
    target = ObjectTrack(mask, similarity, np.ones(12), np.arange(12) < 6)
    near_px = contact.tolerance_px(track, mask)
    distances = contact.hand_distances_px(track, target.mask_at)
    assert contact.holding_hand(track, target, distances, near_px, FPS) == "right_hand"


@pytest.mark.parametrize("sees_it, touched", [(False, [(3, 12)]), (True, [(3, 6), (10, 12)])])
def test_a_hand_touches_on_between_two_touches_unless_it_is_seen_away(reaching, sees_it, touched):
    """It is behind what it holds; and it is longer away than a detector is wrong at a stretch."""
    track, _ = reaching
    x = np.r_[-90, -60, -30, 0, 0, 0, np.full(4, 60), 0, 0]
    track = _moved_to(track, np.column_stack([x, np.zeros(12)]))
    mask = _square(hands.hand_points_px(track, "right_hand")[3, :, :2].mean(0), 5)
    hand, body = track.right_hand_px.copy(), track.body_px.copy()
    if not sees_it:
        hand[6:10, :, 2], body[6:10, [16, 18, 20, 22], 2] = 0.0, 0.0
    track = replace(track, right_hand_px=hand, body_px=body)
    touching = [c for c in contact.contact_intervals(track, _resting(mask), FPS) if c.hand == "right_hand"]
    assert [(c.start_frame, c.end_frame) for c in touching] == touched


def _away_between(track, where: str):
    """The right hand touches at the middle and at the end, and is not seen between: 4 frames, behind or elsewhere."""
    x = np.r_[-90, -60, -30, 0, 0, 0, np.full(4, 0), 0, 0]
    track = _moved_to(track, np.column_stack([x, np.zeros(12)]))
    mask = _square(hands.hand_points_px(track, "right_hand")[3, :, :2].mean(0), 5)
    hand, body, seen = track.right_hand_px.copy(), track.body_px.copy(), track.seen.copy()
    hand[6:10, :, 2], body[6:10, [16, 18, 20, 22], 2] = 0.0, 0.0
    elbow = body[6:10, hands.ELBOW["right_hand"]]
    elbow[:, 2] = 0.0
    if where == "out of the picture":
        body[6:10, [16, 18, 20, 22], 0] = -60.0
    if where == "beyond its elbow's reach":
        elbow[:] = [*(np.argwhere(mask).mean(0)[::-1] + [0.0, -0.5 * track.person_height_px()]), 0.9]
    if where == "nobody found":
        seen[6:10] = False
    return replace(track, right_hand_px=hand, body_px=body, seen=seen), mask


@pytest.mark.parametrize(
    "where, touched",
    [
        ("behind", [(3, 12)]),
        ("out of the picture", [(3, 6), (10, 12)]),
        ("beyond its elbow's reach", [(3, 6), (10, 12)]),
        ("nobody found", [(3, 12)]),
    ],
)
def test_an_unseen_hand_touches_on_only_where_it_may_be_behind_the_object(reaching, where, touched):
    track, mask = _away_between(reaching[0], where)
    touching = [c for c in contact.contact_intervals(track, _resting(mask), FPS) if c.hand == "right_hand"]
    assert [(c.start_frame, c.end_frame) for c in touching] == touched


def test_a_hand_that_is_guessed_out_of_the_picture_while_what_it_touched_moves_may_hold_it(reaching):
    """The other one goes along as well."""
    track, mask = _away_between(reaching[0], "out of the picture")
    similarity, resting = np.tile(IDENTITY, (12, 1, 1)), np.ones(12, bool)
    similarity[5:10, 1, 2], resting[5:11] = np.linspace(-10.0, -50.0, 5), False
    moves = ObjectTrack(mask, similarity, np.ones(12), resting)
    left = np.tile([0.0, 0.0, 1.0], (12, 21, 1))
    left[..., :2] = moves.centroid_px[:, None]
    touching = contact.contact_intervals(replace(track, left_hand_px=left), moves, FPS)
    assert [(c.start_frame, c.end_frame) for c in touching if c.hand == "right_hand"] == [(3, 12)]


FRAMES = np.arange(24)
CARRIED_PX = np.minimum(5.0 * FRAMES, 35)


# a hand before an object that rests, and one that puts it down and leaves it
@pytest.mark.parametrize(
    "half_px, hand_px, thing_px, touched",
    [
        (10, 0 * FRAMES, 0 * FRAMES, None),
        (20, CARRIED_PX + np.where(FRAMES >= 15, 40, 0), CARRIED_PX, (0, 15)),
    ],
    ids=["hangs", "put down"],
)
def test_before_a_camera_that_turns_hands_touch_what_they_touch_before_a_still_one(
    acted, half_px, hand_px, thing_px, touched
):
    track = _moved_to(acted(24).track, np.column_stack([hand_px, 0 * FRAMES]))
    mask = _square(hands.hand_points_px(track, "right_hand")[0, :, :2].mean(0), half_px)
    similarity, camera = np.tile(IDENTITY, (2, 24, 1, 1))
    similarity[:, 0, 2], camera[:, 0, 2] = thing_px, -4.0 * FRAMES
    names = ("body_px", "left_hand_px", "right_hand_px")
    pan = camera[:, 0, 2, None, None] * [1.0, 0, 0]
    filmed = replace(track, **{name: getattr(track, name) + pan for name in names})
    moved = similarity + camera - IDENTITY
    resting = np.full(24, not thing_px.any())
    for seen, target in (
        (track, ObjectTrack(mask, similarity, np.ones(24), resting)),
        (filmed, ObjectTrack(mask, moved, np.ones(24), resting, camera=camera)),
    ):
        found = [c for c in contact.contact_intervals(seen, target, FPS) if c.hand == "right_hand"]
        assert [(c.start_frame, c.end_frame) for c in found] == ([touched] if touched else [])
