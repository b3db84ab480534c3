"""The terms of the body fit and their one table."""

import pytest
import torch

from hoi_motion.lift.config import LiftConfig
from hoi_motion.lift.person.evidence import PersonSeen
from hoi_motion.lift.person.gather import gather_evidence
from hoi_motion.lift.person.guess import Guess, first_unknowns
from hoi_motion.lift.person.terms.table import STAGES, TERMS
from hoi_motion.lift.person.terms.term import geman_mcclure

NAMES = [row.term.name for row in TERMS]


@pytest.fixture
def guess(body, acted):
    seen = acted(6, noise_px=2.0)
    evidence, start = gather_evidence(body, PersonSeen(seen.track, seen.K, 8.0), LiftConfig())
    return Guess(body, evidence, start, first_unknowns(start, body.num_betas))


def test_every_term_stands_once_in_the_table():
    assert len(set(NAMES)) == len(NAMES)


@pytest.mark.parametrize("row", TERMS, ids=NAMES)
def test_a_term_says_what_it_measures_and_where_it_is_from(row):
    assert all((row.term.residual, row.term.unit, row.term.scale, row.term.source))


@pytest.mark.parametrize("row", TERMS, ids=NAMES)
def test_a_term_is_a_finite_energy_of_at_least_zero(row, guess):
    energy = row.term(guess, STAGES[-1])
    assert energy.shape == () and torch.isfinite(energy) and energy >= 0


def test_smoothness_scales_the_terms_of_time_alone(guess):
    with torch.no_grad():
        whole, half = (
            {r.term.name: float(r.energy(guess, STAGES[-1], LiftConfig(smoothness=s))) for r in TERMS} for s in (1, 0.5)
        )
    assert {name for name in whole if half[name] != whole[name]} == {"acceleration", "turning", "nearing"}


def test_a_far_point_costs_no_more_than_the_robust_scale_squared():
    assert geman_mcclure(torch.tensor(1e6), 0.1) == pytest.approx(0.01, rel=1e-3)


def test_evidence_says_where_each_piece_is_from(guess):
    assert guess.evidence.sources()["size"] == "usual person"
