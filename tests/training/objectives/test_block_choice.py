import numpy as np
import pytest

from tavid_planner.errors import InputError
from training.objectives.block_choice import parse_block_choice


@pytest.mark.parametrize(
    "text, blocks",
    [
        ("all", tuple(range(42))),
        ("2,3,5", (2, 3, 5)),
        ("5-8", (5, 6, 7, 8)),
        ("5-23/3", (5, 8, 11, 14, 17, 20, 23)),
        ("3 uniform", (0, 20, 41)),
    ],
)
def test_fixed_choices(text, blocks):
    assert parse_block_choice(text, 42).at_step(7) == blocks


def test_drawn_anew_every_step_from_its_range_and_repeatable():
    choice = parse_block_choice("7 of 5-23", 42, seed=3)
    drawn = [choice.at_step(step) for step in range(50)]
    assert all(len(set(blocks)) == 7 and set(blocks) <= set(range(5, 24)) for blocks in drawn)
    assert len(set(drawn)) > 40 and {b for blocks in drawn for b in blocks} == set(range(5, 24))
    assert drawn == [parse_block_choice("7 of 5-23", 42, seed=3).at_step(step) for step in range(50)]
    assert drawn != [parse_block_choice("7 of 5-23", 42, seed=4).at_step(step) for step in range(50)]
    assert all(blocks == tuple(sorted(blocks)) for blocks in drawn)


def test_fixed_draw_stays_and_follows_the_seed():
    one, two = (parse_block_choice("7 fixed of 0-41", 42, seed=seed) for seed in (0, 1))
    assert one.at_step(0) == one.at_step(9) and len(one.at_step(0)) == 7
    assert one.at_step(0) != two.at_step(0)


@pytest.mark.parametrize("text", ["", "5-", "7 of 5", "5-50", "42", "9 of 0-3", "7 uniformly", "-1", "3-2"])
def test_other_forms_and_unknown_blocks_are_refused(text):
    with pytest.raises(InputError, match="option attention.blocks is"):
        parse_block_choice(text, 42)


def test_blocks_of_a_step_do_not_go_with_the_clips_of_its_first_pass():
    """Of ten clips each meets each block in 7 of 19 steps, give or take what chance allows."""
    choice = parse_block_choice("7 of 5-23", 42)
    met, steps = np.zeros((10, 24)), np.zeros(10)
    for step in range(4000):
        clip = np.random.default_rng([0, step, 0]).integers(10)  # as Trainer draws for its first pass
        met[clip, list(choice.at_step(step))] += 1
        steps[clip] += 1
    share = met[:, 5:] / steps[:, None]
    assert np.abs(share - 7 / 19).max() < 0.12


@pytest.mark.parametrize("text", ["3,3", "1,2,1"])
def test_a_block_that_is_named_twice_is_refused(text):
    with pytest.raises(InputError, match="option alignment.grounding.blocks is .*"):
        parse_block_choice(text, 42, name="alignment.grounding.blocks")
