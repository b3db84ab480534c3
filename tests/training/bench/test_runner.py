import json
from dataclasses import replace

import numpy as np
import pytest

from tavid_planner.config import load_profile
from tavid_planner.errors import InputError
from tavid_planner.request import InteractionRequest
from training.bench import runner
from training.bench.cases import Case
from training.bench.report import detector_accuracy, report
from training.bench.runner import Result, chosen_clip, marked, run_bench, smeared_away
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


def test_in_the_still_control_nothing_but_the_target_changes_and_only_in_the_second_half():
    image = np.random.default_rng(0).integers(0, 255, (60, 90, 3), np.uint8)
    mask = np.zeros((60, 90), bool)
    mask[28:34, 40:50] = True
    clip = smeared_away(image, mask, 9)
    assert (clip[:4] == image).all() and clip.shape == (9, 60, 90, 3)
    changed = (clip[-1] != image).any(-1)
    assert changed[mask].mean() > 0.9 and not changed[:10].any() and not changed[:, 70:].any()


def test_report_has_the_classes_and_the_detectors_own_errors():
    truth = [
        Result("truth", CASES[0], 2, 0.4, SCORE),
        Result("truth", CASES[1], 4, 0.4, replace(SCORE, outcome="none")),
    ]
    assert "2 ground-truth clips: right in 1, wrong object in 0, no touch in 1, no person in 0" in detector_accuracy(
        truth
    )
    assert "off by +0.10 on average, 0.10 in size" in detector_accuracy(truth)
    text = report([*truth, Result("adapter", CASES[0], 2, 0.4, SCORE)])
    assert "hit by chance 0.42" in text
    assert "| ground-truth clips | 2 | 0.50 [" in text and "| far | 1 | 0.00 [" in text


def test_of_four_clips_the_first_is_chosen_in_which_those_act_who_shall(monkeypatch):
    """A clip in which nothing happens, one in which the other person acts, and the scene's own; no fourth is made."""
    from tavid_planner.plan import InteractionVideo
    from training.scenes.pairs import generate_paired_scene

    asked, other = (generate_paired_scene(900_002 + i, 96, 144, 17) for i in range(2))
    still = np.repeat(asked.frames[:1], 17, axis=0)
    made = [still, other.frames, asked.frames]
    monkeypatch.setattr(
        "tavid_planner.video.generate_video", lambda *args: InteractionVideo(made[args[-1] - 5], asked.fps)
    )
    request = InteractionRequest.of_instances(asked.frames[0], marked(asked), asked.caption, intrinsics=asked.K)
    assert np.array_equal(chosen_clip(request, None, None, "low-resolution", seed=5), asked.frames)
