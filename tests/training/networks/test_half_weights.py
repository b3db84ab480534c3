import time

import torch
from safetensors.torch import load_file
from torch import nn

from training.networks.half_weights import save_half


def test_weights_come_back_to_half_precision_and_their_size_is_said(tmp_path, capsys):
    network = nn.Linear(3, 2)
    save_half(network, tmp_path / "small.safetensors", time.perf_counter())
    read = load_file(tmp_path / "small.safetensors")
    assert all(value.dtype == torch.float16 for value in read.values())
    torch.testing.assert_close(read["weight"].float(), network.weight.detach(), atol=1e-3, rtol=1e-3)
    assert "small.safetensors: 0.00 MB in 0 minutes" in capsys.readouterr().out
