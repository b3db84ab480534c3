"""Figures of TargetBench from the lines of its runs."""

from benchmarks.target_hits import bench_values
from training.bench.cases import Case
from training.bench.runner import Result
from training.bench.scoring import VideoScore


def _result(contestant: str, name: str, index: int, outcome: str) -> Result:
    return Result(contestant, Case(name, index), 2, 0.5, VideoScore(outcome, 0.5, "kept", 40.0, 0.1, 0.9))


def test_scenes_whose_truth_is_misjudged_do_not_count_as_the_models_misses():
    outcomes = {("far", 0): ("hit", "hit"), ("far", 1): ("wrong", "wrong"), ("far", 2): ("hit", "wrong")}
    results = [
        _result(contestant, *case, outcome)
        for case, pair in outcomes.items()
        for contestant, outcome in zip(("truth", "adapter"), pair)
    ]
    values = bench_values(results)
    assert values["hit"].value == 1 / 3
    assert (values["clear_scenes"].value, values["clear_hit"].value, values["clear_wrong"].value) == (2, 0.5, 0.5)


def test_without_the_truth_there_is_no_word_on_clear_scenes():
    assert "clear_hit" not in bench_values([_result("adapter", "far", 0, "hit")])
