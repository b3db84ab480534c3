import numpy as np
import pytest

from training.intergeneval.questions import KISA, SGI, Interaction, questions_of
from training.intergeneval.score import Judgement, fidelity_of, looked_at

NOTHING = np.zeros(4, bool)


def judged(answers, emerged=NOTHING, vanished=NOTHING):
    return Judgement(np.array([answers], bool), np.array(emerged), np.array(vanished))


def test_six_questions_are_about_steps_and_four_about_who_and_what():
    questions = questions_of(Interaction("man", "lifts", "mug", 1, 2))
    assert [q.part for q in questions] == [KISA] * 6 + [SGI] * 4
    assert [q.number for q in questions] == list(range(1, 11))
    assert all("mug" in q.text or "man" in q.text for q in questions)


def test_the_mean_of_both_parts_times_consistency_is_fidelity():
    # half of six, all of four; one of four frames has something new: SPI = (1 - 5/4 + 1) / 2
    score = fidelity_of(judged([1, 1, 1, 0, 0, 0, 1, 1, 1, 1], [True, False, False, False]), as_published=True)
    assert (score.kisa, score.sgi) == (0.5, 1.0) and score.spi == pytest.approx(0.375)
    assert score.fidelity == pytest.approx(0.375 * 0.75)


def test_consistency_ends_at_zero_unless_it_shall_be_as_published():
    clip = judged([1] * 10, [True] * 4, [True] * 4)
    assert fidelity_of(clip).fidelity == 0
    assert fidelity_of(clip, as_published=True).spi == pytest.approx(-4.0)


def test_every_fifth_frame_after_the_first_is_looked_at():
    assert looked_at(17).tolist() == [5, 10, 15] and looked_at(5).tolist() == []
