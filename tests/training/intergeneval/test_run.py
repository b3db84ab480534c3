"""A judge's answers belong to the model whose clips it saw."""

import pytest

from hoi_motion.errors import InputError
from tavid_planner.config import VideoConfig
from training.intergeneval.judges import judge_named
from training.intergeneval.run import GEOMETRIC, Asking, judge_clips


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
