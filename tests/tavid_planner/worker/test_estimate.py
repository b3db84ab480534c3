"""The estimate against what was measured, and what is refused before anything is loaded."""

import pytest

from tavid_planner.config import load_profile, with_options
from tavid_planner.errors import ErrorCode, TavidError
from tavid_planner.worker import estimate
from tavid_planner.worker.estimate import free_bytes, needed_bytes, require_memory

MIB = 2**20
# height, width, frames of the mini model on a CPU -> MiB at the peak of one step, above what libraries and weights take
MEASURED = {
    (192, 288, 17): 533,
    (384, 576, 17): 1652,
    (384, 576, 49): 2134,
    (768, 1024, 17): 5695,
}


def mini(height, width, frames, *options):
    texts = [f"video.height={height}", f"video.width={width}", f"video.num_frames={frames}", "video.device=cpu"]
    return with_options(load_profile("mini"), [*texts, *options])


@pytest.mark.parametrize("size", MEASURED)
def test_estimate_is_near_what_was_measured(size):
    estimated = needed_bytes(mini(*size)) - needed_bytes(mini(16, 16, 5))
    assert 0.85 < estimated / (MEASURED[size] * MIB) < 1.35


def test_more_of_anything_needs_more_and_tiles_and_half_precision_less():
    base = mini(384, 576, 49, "video.guidance_scale=6")
    needed = needed_bytes(base)
    assert needed_bytes(base, samples=8) > needed
    assert needed_bytes(base, size_px=(2000, 3000)) > needed
    assert needed_bytes(with_options(base, ["video.vae_tiling=true"])) < needed
    assert needed_bytes(with_options(base, ["video.dtype=bfloat16"])) < needed


def test_what_cannot_fit_is_refused_with_both_numbers(monkeypatch):
    monkeypatch.setattr(estimate, "free_bytes", lambda: int(20e9))
    require_memory(mini(384, 576, 49))
    with pytest.raises(
        TavidError, match=r"129 frames of 1536x1024 pixels.*about 2\d\.\d GB.*20\.0 GB are free"
    ) as error:
        require_memory(mini(1024, 1536, 129))
    assert error.value.code is ErrorCode.OUT_OF_MEMORY


def test_model_that_is_not_here_is_not_judged():
    config = with_options(load_profile("mini"), ["video.base=nobody/no-such-model", "video.device=cpu"])
    assert needed_bytes(config) is None
    require_memory(config)


def test_free_memory_is_less_than_the_machine_has():
    total = int(open("/proc/meminfo").readline().split()[1]) * 1024
    assert 0 < free_bytes() <= total
