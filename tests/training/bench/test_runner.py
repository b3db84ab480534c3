import json
from dataclasses import replace

import pytest

from tavid_planner.config import load_profile
from tavid_planner.errors import InputError
from training.bench import runner
from training.bench.cases import Case
from training.bench.report import detector_accuracy, report
from training.bench.runner import Result, run_bench
from training.bench.scoring import VideoScore

SCORE = VideoScore("hit", 0.5, "kept", 30.0, 0.05, 0.99)
CASES = [Case("small", 0), Case("far", 0)]


@pytest.fixture
def config():
    return load_profile("mini").video


def judged(monkeypatch):
    """Count what is judged, without detecting anything."""
    seen = []

    def judge(case, contestants, config, keypoints, seed):
        for contestant in contestants:
            seen.append((contestant, case))
            yield Result(contestant, case, 3, 0.4, SCORE)

    monkeypatch.setattr(runner, "judge_case", judge)
    return seen


def test_stopped_run_judges_only_what_is_missing(tmp_path, monkeypatch, config):
    seen = judged(monkeypatch)
    run_bench(config, CASES[:1], ["adapter"], tmp_path, "mediapipe")
    with open(tmp_path / "scores.jsonl", "a") as file:
        file.write('{"contestant": "ba')  # killed while it wrote
    results = run_bench(config, CASES, ["adapter", "base"], tmp_path, "mediapipe")
    assert seen == [("adapter", CASES[0]), ("base", CASES[0]), ("adapter", CASES[1]), ("base", CASES[1])]
    assert [(r.contestant, r.case) for r in results] == [(c, case) for c in ("adapter", "base") for case in CASES]
    assert len((tmp_path / "scores.jsonl").read_text().splitlines()) == 4
    assert results == run_bench(config, CASES, ["adapter", "base"], tmp_path, "mediapipe") and len(seen) == 4


def test_folder_holds_scores_of_one_setting_only(tmp_path, monkeypatch, config):
    judged(monkeypatch)
    run_bench(config, CASES[:1], ["truth"], tmp_path, "mediapipe")
    run_bench(replace(config, memory="model"), CASES[:1], ["truth"], tmp_path, "mediapipe")  # changes no clip
    with pytest.raises(InputError, match="with another video"):
        run_bench(replace(config, num_inference_steps=5), CASES[:1], ["truth"], tmp_path, "mediapipe")
    with pytest.raises(InputError, match="with another keypoints"):
        run_bench(config, CASES[:1], ["truth"], tmp_path, "low-resolution")
    facts = json.loads((tmp_path / "bench.json").read_text())
    (tmp_path / "bench.json").write_text(json.dumps({**facts, "adapter_digest": "another"}))
    with pytest.raises(InputError, match="with another adapter_digest"):
        run_bench(config, CASES[:1], ["truth"], tmp_path, "mediapipe")


def test_report_has_the_classes_and_the_detectors_own_errors():
    truth = [Result("truth", CASES[0], 2, 0.4, SCORE), Result("truth", CASES[1], 4, 0.4, replace(SCORE, outcome="none"))]
    assert "2 ground-truth clips: right in 1, wrong object in 0, no touch in 1, no person in 0" in detector_accuracy(truth)
    assert "off by +0.10 on average, 0.10 in size" in detector_accuracy(truth)
    text = report([*truth, Result("adapter", CASES[0], 2, 0.4, SCORE)])
    assert "hit by chance 0.42" in text
    assert "| ground-truth clips | 2 | 0.50 [" in text and "| far | 1 | 0.00 [" in text
