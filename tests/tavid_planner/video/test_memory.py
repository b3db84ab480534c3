import pytest
import torch

from tavid_planner.errors import ErrorCode, InputError, VideoError
from tavid_planner.video.memory import checked_device, memory_errors


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes"),
    ],
)
def test_every_kind_of_out_of_memory(error):
    with pytest.raises(VideoError) as raised, memory_errors():
        raise error
    assert raised.value.code is ErrorCode.OUT_OF_MEMORY
    assert raised.value.hint


def test_a_real_allocation_that_is_too_large():
    with pytest.raises(VideoError), memory_errors():
        torch.empty(2**60, dtype=torch.uint8)


def test_other_errors_pass():
    with pytest.raises(RuntimeError, match="shape"), memory_errors():
        raise RuntimeError("shape mismatch")


def test_auto_finds_a_device_and_nonsense_is_refused():
    assert checked_device("auto").type in ("cpu", "cuda", "mps")
    with pytest.raises(InputError, match="'cuda:99'|cuda:99"):
        checked_device("cuda:99")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="offloading needs a GPU")
@pytest.mark.parametrize("memory", ["model", "sequential"])
def test_offloading_gives_the_same_frames(tiny_base, tiny_adapter, generate, memory):
    from tavid_planner.video import TargetAwarePipeline

    resident = TargetAwarePipeline.from_pretrained(tiny_base, tiny_adapter, device="cuda")
    offloaded = TargetAwarePipeline.from_pretrained(tiny_base, tiny_adapter, device="cuda", memory=memory)
    assert abs(generate(resident).frames - generate(offloaded).frames).max() <= 1e-3
