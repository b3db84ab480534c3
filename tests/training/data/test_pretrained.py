"""Models of transformers from a folder: whole, or refused."""

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import BertConfig, BertModel

from tavid_planner.errors import ErrorCode, InputError, VideoError
from training.data.pretrained import load_pretrained

SIZES = dict(vocab_size=8, hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8)


def test_weights_that_a_folder_lacks_are_not_made_up(tmp_path):
    model = BertModel(BertConfig(**SIZES))
    model.save_pretrained(tmp_path)
    [loaded] = load_pretrained(str(tmp_path), BertModel)
    torch.testing.assert_close(loaded.pooler.dense.weight, model.pooler.dense.weight)

    file = tmp_path / "model.safetensors"
    weights = load_file(file)
    del weights["pooler.dense.weight"]
    save_file(weights, file, metadata={"format": "pt"})
    with pytest.raises(VideoError, match="lacks 1 weights of a BertModel, the first pooler.dense.weight") as caught:
        load_pretrained(str(tmp_path), BertModel)
    assert caught.value.code is ErrorCode.MODEL_MISSING


def test_a_device_is_the_best_there_is_or_refused(tmp_path):
    BertModel(BertConfig(**SIZES)).save_pretrained(tmp_path)
    [loaded] = load_pretrained(str(tmp_path), BertModel, device="auto")
    assert loaded.device.type in ("cpu", "cuda", "mps")
    with pytest.raises(InputError, match="device 'gpu' cannot be used") as caught:
        load_pretrained(str(tmp_path), BertModel, device="gpu")
    assert caught.value.code is ErrorCode.CONFIG_INVALID
