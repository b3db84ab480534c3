"""Masks of another tool: one number is one object in every frame, and frames are in the order of their numbers."""

import numpy as np
from PIL import Image

from hoi_motion.lift.track.mask_files import read_label_pictures


def test_an_object_keeps_its_number_where_another_is_missing(tmp_path):
    pictures = np.zeros((3, 8, 8), np.uint8)
    pictures[:, 4] = 9
    pictures[[0, 2], 1] = 3  # gone in the second
    np.savez(tmp_path / "masks.npz", masks=pictures)
    labels = read_label_pictures(tmp_path / "masks.npz")
    assert len({int(label[4, 0]) for label in labels}) == 1
    assert labels[0][1, 0] == labels[2][1, 0] != labels[0][4, 0]
    assert [int(label[0, 0]) for label in labels] == [0, 0, 0]


def test_files_without_leading_zeros_are_in_the_order_of_their_numbers(tmp_path):
    for number in range(12):
        picture = np.zeros((8, 8), np.uint8)
        picture[0, : number % 8 + 1] = 1
        Image.fromarray(picture).save(tmp_path / f"mask{number}.png")
    assert [int((label > 0).sum()) for label in read_label_pictures(tmp_path)] == [k % 8 + 1 for k in range(12)]
