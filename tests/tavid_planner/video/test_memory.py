import pytest
import torch

from tavid_planner.errors import ErrorCode, InputError, VideoError
from tavid_planner.video.backbone import backbone_of
from tavid_planner.video.memory import checked_device, memory_errors, offload_in_groups


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
    for name in ("cuda:99", "meta"):
        with pytest.raises(InputError, match=f"CONFIG_INVALID.*device '{name}' cannot be used"):
            checked_device(name)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="offloading needs a GPU")
@pytest.mark.parametrize("memory", ["model", "group", "sequential"])
def test_offloading_gives_the_same_frames(tiny_base, tiny_adapter, generate, memory):
    from tavid_planner.video import TargetAwarePipeline

    resident = TargetAwarePipeline.from_pretrained(tiny_base, tiny_adapter, device="cuda")
    offloaded = TargetAwarePipeline.from_pretrained(tiny_base, tiny_adapter, device="cuda", memory=memory)
    assert abs(generate(resident).frames - generate(offloaded).frames).max() <= 1e-3


def test_blocks_that_come_and_go_give_the_same_frames_and_maps(load, generate_wide):
    """On a CPU, where they come and go all the same; without the streams of a GPU."""
    resident, grouped = load(), load()
    offload_in_groups(grouped, torch.device("cpu"))
    expected, found = (generate_wide(pipeline, capture_attention=True) for pipeline in (resident, grouped))
    assert abs(expected.frames - found.frames).max() <= 1e-6
    assert (expected.target_attention - found.target_attention).abs().max() <= 1e-6


@pytest.mark.parametrize("weights", ["fp8", "int8"])
def test_weights_in_8_bits_give_nearly_the_same_frames(load, generate_wide, weights):
    if weights == "int8":
        pytest.importorskip("torchao", reason="the extra 'int8' is not installed")
    full, small = load(), load(weights=weights)
    matrices = {n: p for n, p in small.transformer.named_parameters() if p.ndim == 2}
    cast = {n for n, p in matrices.items() if p.dtype == torch.float8_e4m3fn or type(p.data) is not torch.Tensor}
    assert len(cast) >= 6 * len(backbone_of(small.transformer).blocks)
    assert not [name for name in cast if "lora_" in name or "norm" in name or "proj_out" in name]
    expected, found = (generate_wide(pipeline, capture_attention=True) for pipeline in (full, small))
    # of frames in 0..1
    assert 0 < abs(expected.frames - found.frames).mean() <= 0.02
    share = (expected.target_attention - found.target_attention).abs().mean() / expected.target_attention.mean()
    assert share <= 0.05


@pytest.mark.parametrize("tiles", [False, True])
def test_a_video_decoded_in_slices_or_tiles_is_nearly_the_same(tiles):
    """With the small trained model: a decoder of random numbers has no pictures of which tiles could be parts."""
    from hoi_motion.media.image_files import read_image
    from tavid_planner.config import share_folder
    from tavid_planner.video import TargetAwarePipeline

    pipeline = TargetAwarePipeline.from_pretrained(share_folder() / "models" / "tavid-mini")
    picture = (
        torch.from_numpy(read_image(share_folder() / "config" / "demo" / "frame.png")).permute(2, 0, 1) / 127.5 - 1
    )
    picture = torch.nn.functional.interpolate(picture[None], (96, 144), mode="area")
    clips = torch.stack([picture[0], picture[0].flip(-1)])[:, :, None].repeat(1, 1, 5, 1, 1)
    with torch.no_grad():
        latents = pipeline.encoded_clip(clips)
        whole = pipeline.decoded(latents, 5)
        pipeline.tile_vae() if tiles else pipeline.vae.enable_slicing()
        parts = pipeline.decoded(latents, 5)
    # in units of the range of a picture
    assert (whole - parts).abs().mean() / 2 <= (0.01 if tiles else 1e-6)
