"""A judge's answers belong to the model whose clips it saw, and what the table makes of them."""

import pytest

from hoi_motion.errors import InputError
from tavid_planner.config import VideoConfig
from training.bench import runner
from training.bench.cases import Case
from training.intergeneval.judges import judge_named
from training.intergeneval.run import GEOMETRIC, HIT, Asking, judge_clips, table


def test_answers_about_other_weights_are_refused(tmp_path, tiny_base):
    asking = Asking(judge_named(GEOMETRIC), GEOMETRIC, "", "low-resolution", 0)
    config = VideoConfig(base=str(tiny_base), adapter=str(tmp_path / "adapter"))
    (tmp_path / "adapter").mkdir()
    weights = tmp_path / "adapter" / "pytorch_lora_weights.safetensors"
    weights.write_bytes(b"trained once")
    judge_clips(asking, [], ["adapter"], config, tmp_path / "out")
    weights.write_bytes(b"trained on ")
    with pytest.raises(InputError, match="another adapter_digest"):
        judge_clips(asking, [], ["adapter"], config, tmp_path / "out")


def test_the_best_of_several_clips_is_chosen_with_the_keypoints_that_judge_it(tmp_path, tiny_base, monkeypatch):
    """Which of them it is depends on where the hands are seen."""

    class Chosen(Exception):
        """Enough is known before a clip is made."""

    def choose(request, config, pipeline, keypoints, seed):
        raise Chosen(keypoints)

    monkeypatch.setattr(runner, "chosen_clip", choose)
    asking = Asking(judge_named(GEOMETRIC), GEOMETRIC, "", "mediapipe", 0)
    config = VideoConfig(base=str(tiny_base), adapter="", device="cpu", height=96, width=144, num_frames=9)
    with pytest.raises(Chosen, match="mediapipe"):
        judge_clips(asking, [Case("which_actor", 0)], ["chosen"], config, tmp_path)


def test_the_interval_of_hits_stays_within_what_a_share_can_be():
    answers = [[True] * 10]
    clips = [{"answers": answers, "emerged": [False], "vanished": [False], "outcome": HIT}] * 4
    assert table([("all", clips)]).splitlines()[-1].endswith("| 1.000 [0.510, 1.000] |")
