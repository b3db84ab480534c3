import sys

import pytest
import torch
from accelerate.state import AcceleratorState

from hoi_motion.options import from_mapping
from training import slow_bfloat16
from training.configuration import AdapterConfig
from training.data import cache
from training.slow_bfloat16 import slowness, warn_if_slow


@pytest.fixture
def slow_processor(monkeypatch):
    monkeypatch.setattr(slow_bfloat16, "slowness", lambda: 70.0)


def test_what_is_measured_is_bfloat16_against_single_precision(monkeypatch):
    monkeypatch.setattr(slow_bfloat16, "_seconds", {torch.bfloat16: 3.0, torch.float32: 2.0}.get)
    assert slowness() == 1.5


def test_a_measurement_is_a_time():
    assert 0 < slow_bfloat16._seconds(torch.float32) < 60


def test_a_slow_processor_is_named_with_what_to_write_instead(slow_processor, caplog):
    warn_if_slow("cpu", "leave it out")
    assert "70 times as long with bfloat16" in caplog.text and "leave it out" in caplog.text


def test_nothing_is_said_of_a_fast_processor_or_a_gpu(monkeypatch, caplog):
    monkeypatch.setattr(slow_bfloat16, "slowness", lambda: 0.3)
    warn_if_slow("cpu", "leave it out")
    monkeypatch.setattr(slow_bfloat16, "slowness", lambda: 70.0)
    warn_if_slow("cuda", "leave it out")
    assert not caplog.records


@pytest.fixture
def any_arithmetic():
    """accelerate keeps the first arithmetic of a process."""
    AcceleratorState._reset_state()
    yield
    AcceleratorState._reset_state()


@pytest.mark.parametrize("arithmetic, warned", [("bf16", True), ("no", False)])
def test_a_training_says_so(slow_processor, any_arithmetic, train_options, caplog, arithmetic, warned):
    from training.trainer import Trainer

    Trainer(from_mapping(AdapterConfig, {**train_options, "mixed_precision": arithmetic}))
    assert ("mixed_precision=no" in caplog.text) is warned


@pytest.fixture
def encode(monkeypatch, tmp_path):
    def encode(*more):
        options = ["--clips", str(tmp_path / "none"), "--base", "none", "--dtype", "bfloat16", "--out", str(tmp_path)]
        monkeypatch.setattr(sys, "argv", ["cache", *options, *more])
        with pytest.raises(SystemExit) as ended:
            cache.main()
        assert ended.value.code == 2

    return encode


def test_encoding_says_so(slow_processor, encode, caplog):
    encode()
    assert "leave out --dtype bfloat16" in caplog.text


def test_the_best_device_that_is_there_is_a_processor_where_there_is_no_other(
    slow_processor, encode, caplog, monkeypatch
):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    encode("--device", "auto")
    assert "leave out --dtype bfloat16" in caplog.text


def test_a_device_that_is_none_is_refused_in_one_line(encode, capsys):
    encode("--device", "gpu")
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "device 'gpu' cannot be used" in error
