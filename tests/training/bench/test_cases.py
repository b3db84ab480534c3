import pytest

from tavid_planner.errors import InputError
from training.bench.cases import CLASS_NAMES, DIFFICULTIES, Case, bench_cases
from training.scenes.scene import HELD_OUT_SEED


def test_bench_has_at_least_200_scenes_each_with_a_held_out_seed_of_its_own():
    cases = bench_cases()
    assert len(cases) >= 200 and len({c.seed for c in cases}) == len(cases)
    assert min(c.seed for c in cases) >= HELD_OUT_SEED


def test_a_part_of_the_bench_takes_every_class_in_turn():
    assert [c.name for c in bench_cases(count=len(CLASS_NAMES))] == list(CLASS_NAMES)
    assert bench_cases(["far", "thin"], 3) == [Case("thin", 0), Case("far", 0), Case("thin", 1)]


def test_unknown_class_lists_the_valid_ones():
    with pytest.raises(InputError, match="unseen_camera"):
        bench_cases(["huge"])


def test_every_variant_of_a_class_is_used():
    for kind in DIFFICULTIES:
        rounds = len(kind.candidates) * len(kind.variants)
        assert rounds <= sum(c.name == kind.name for c in bench_cases())


def test_scene_has_the_candidates_of_its_class():
    scene = Case("candidates_5", 1).scene(24, 36, 2, 8.0)
    assert len(scene.candidate_ids) == 5
