import time

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from tavid_planner.errors import ErrorCode, InputError
from training.networks.half_weights import read_half, save_half


def test_weights_come_back_to_half_precision_and_their_size_is_said(tmp_path, capsys):
    network = nn.Linear(3, 2)
    save_half(network, tmp_path / "small.safetensors", time.perf_counter())
    read = load_file(tmp_path / "small.safetensors")
    assert all(value.dtype == torch.float16 for value in read.values())
    torch.testing.assert_close(read["weight"].float(), network.weight.detach(), atol=1e-3, rtol=1e-3)
    assert "small.safetensors: 0.00 MB in 0 minutes" in capsys.readouterr().out


@pytest.mark.parametrize("value", [1e5, float("nan")])
def test_a_weight_that_half_precision_does_not_hold_is_refused_and_the_last_good_file_stays(tmp_path, value):
    network, path = nn.Linear(3, 2), tmp_path / "small.safetensors"
    path.write_bytes(b"good")
    with torch.no_grad():
        network.bias[1] = value
    with pytest.raises(InputError, match="half precision does not hold: 1 tensors, the first bias") as error:
        save_half(network, path, time.perf_counter())
    assert error.value.code is ErrorCode.FILE_INVALID and path.read_bytes() == b"good"
    assert sorted(tmp_path.iterdir()) == [path]


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "small.safetensors").mkdir()
    with pytest.raises(InputError, match="cannot write .*small.safetensors") as error:
        save_half(nn.Linear(3, 2), tmp_path / "small.safetensors", time.perf_counter())
    assert error.value.code is ErrorCode.OUTPUT_INVALID


def test_weights_are_read_back_and_those_of_another_network_are_refused(tmp_path):
    network, path = nn.Linear(3, 2), tmp_path / "small.safetensors"
    save_half(network, path, time.perf_counter())
    again = nn.Linear(3, 2)
    read_half(again, path)
    torch.testing.assert_close(again.weight, network.weight, atol=1e-3, rtol=1e-3)
    for other, place in ((nn.Linear(4, 2), path), (nn.Linear(3, 2), tmp_path / "none.safetensors")):
        with pytest.raises(InputError, match=f"{place.name} is not the weights of a Linear") as error:
            read_half(other, place)
        assert error.value.code is ErrorCode.FILE_INVALID
