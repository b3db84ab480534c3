"""What is seen of the object around where it was found."""

import numpy as np

from hoi_motion.lift.track.own.outline import seen_outline, seen_pixels

H = 60
W = 80
SCALE = np.array([0.5, 0.5])
SIZE_PX = (2 * H, 2 * W)


def looks(*boxes) -> np.ndarray:  # (h, w)
    """Nothing looks like it but these boxes (left, top, width, height)."""
    likeness = np.full((H, W), -2.0, np.float32)
    for x, y, w, h in boxes:
        likeness[y : y + h, x : x + w] = 2.0
    return likeness


def outline(likeness: np.ndarray, x: int, y: int, w: int, h: int) -> np.ndarray:  # (H, W) bool
    """Drawn for something found in a box."""
    centre, extent = np.array([x + (w - 1) / 2, y + (h - 1) / 2]), np.array([w, h], float)
    return seen_outline(likeness, centre, extent, SCALE, SIZE_PX).in_picture(SIZE_PX)


def ends(mask: np.ndarray) -> list[int]:
    """Left, top, width, height."""
    rows, columns = np.nonzero(mask)
    return [columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1]


def test_it_is_what_looks_like_it_though_the_box_is_too_small():
    np.testing.assert_allclose(ends(outline(looks((30, 20, 12, 10)), 31, 21, 10, 8)), [60, 40, 24, 20], atol=1)


def test_another_thing_that_looks_like_it_beside_the_box_is_not_drawn():
    drawn = outline(looks((30, 20, 10, 10), (42, 20, 10, 10)), 30, 20, 10, 10)
    np.testing.assert_allclose(ends(drawn), [60, 40, 20, 20], atol=1)


def test_where_nothing_looks_like_it_it_is_the_box():
    np.testing.assert_allclose(ends(outline(looks(), 30, 20, 10, 8)), [60, 40, 20, 16], atol=2)


def test_at_the_border_it_stays_in_the_picture():
    assert outline(looks((W - 6, H - 5, 6, 5)), W - 8, H - 8, 12, 12).any()


NO_HAND = np.zeros((H, W), bool)
BOX = np.array([[30, 20], [41, 29]])


def test_what_it_surrounds_belongs_to_it():
    likeness = looks((30, 20, 12, 10))
    likeness[23:27, 34:38] = -2.0
    assert seen_pixels(likeness, BOX, NO_HAND)[20:30, 30:42].all()


def test_what_is_beside_it_in_its_box_belongs_to_it_unless_a_hand_may_be_there():
    likeness, hand = looks((30, 20, 8, 10)), NO_HAND.copy()
    hand[:25] = True
    seen = seen_pixels(likeness, BOX, hand)
    assert seen[20:30, 30:38].all() and seen[25:30, 38:42].all() and not seen[20:25, 38:42].any()


def test_where_nothing_looks_like_it_nothing_of_it_is_seen():
    assert not seen_pixels(looks(), BOX, NO_HAND).any()
