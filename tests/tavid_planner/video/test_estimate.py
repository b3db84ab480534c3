"""The estimate against what was measured, and what is refused before anything is loaded."""

import json
import math

import pytest

from tavid_planner.config import load_profile, with_options
from tavid_planner.errors import ErrorCode, TavidError
from tavid_planner.video import estimate
from tavid_planner.video.estimate import chosen_mode, free_bytes, needed_by_mode, require_memory

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


def needed_bytes(config, **request):
    modes = needed_by_mode(config, **request)
    return modes[chosen_mode(config.video, modes)]


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
    assert needed_by_mode(config) is None
    require_memory(config)


def test_free_memory_is_less_than_the_machine_has():
    total = int(open("/proc/meminfo").readline().split()[1]) * 1024
    assert 0 < free_bytes() <= total


def write_shapes(folder, shapes, config):
    """A model folder whose weights are all there but take no room: files with holes."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config))
    for number, part in enumerate((shapes[::2], shapes[1::2])):  # two shards
        header, end = {}, 0
        for name, shape in part:
            size = 2 * math.prod(shape)
            header[name] = {"dtype": "BF16", "shape": list(shape), "data_offsets": [end, end + size]}
            end += size
        text = json.dumps(header).encode()
        path = folder / f"model-0000{number + 1}-of-00002.safetensors"
        path.write_bytes(len(text).to_bytes(8, "little") + text)
        with path.open("r+b") as file:
            file.truncate(8 + len(text) + end)


def full_size(folder, family):
    """Numbers of the published models: transformer, text encoder and VAE; tensors as large as theirs."""
    transformer, vae, text = {
        "wan": (
            dict(num_attention_heads=24, attention_head_dim=128, patch_size=[1, 2, 2]),
            dict(base_dim=160, decoder_base_dim=256, patch_size=2, scale_factor_spatial=16),
            (256384, 4096),
        ),
        "cogvideox": (
            dict(num_attention_heads=48, attention_head_dim=64, patch_size=2, max_text_seq_length=226),
            dict(block_out_channels=[128, 256, 256, 512], temporal_compression_ratio=4),
            (32128, 4096),
        ),
    }[family]
    write_shapes(folder / "transformer", [(f"w{i}", (14336, 3072)) for i in range(120)], transformer)
    encoder = [("shared", text)] + [(f"w{i}", (10240, 4096)) for i in range(110)]
    write_shapes(folder / "text_encoder", encoder, {})
    write_shapes(folder / "vae", [(f"w{i}", (512, 512, 3, 3, 3)) for i in range(40)], vae)


@pytest.fixture(scope="module")
def published_5b(tmp_path_factory):
    """CogVideoX-5B-I2V with the names and shapes of its published files."""
    import torch
    from diffusers import AutoencoderKLCogVideoX, CogVideoXTransformer3DModel
    from test_full_sizes import COGVIDEOX_5B
    from transformers import T5Config, T5EncoderModel

    text = dict(vocab_size=32128, d_model=4096, d_kv=64, d_ff=10240, num_layers=24, num_heads=64)
    blocks = 4
    vae = dict(
        down_block_types=["CogVideoXDownBlock3D"] * blocks,
        up_block_types=["CogVideoXUpBlock3D"] * blocks,
        block_out_channels=[128, 256, 256, 512],
        latent_channels=16,
        layers_per_block=3,
    )
    folder = tmp_path_factory.mktemp("published")
    with torch.device("meta"):
        models = {
            "transformer": CogVideoXTransformer3DModel(**COGVIDEOX_5B),
            "text_encoder": T5EncoderModel(T5Config(**text, feed_forward_proj="gated-gelu")),
            "vae": AutoencoderKLCogVideoX(**vae),
        }
    for name, model in models.items():
        shapes = [(key, tuple(value.shape)) for key, value in model.state_dict().items()]
        config = dict(model.config) if name != "text_encoder" else {}
        write_shapes(folder / name, shapes, {k: v for k, v in config.items() if not k.startswith("_")})
    return folder


def test_5b_fits_into_16_gb_with_offloading_and_more_of_it_in_8_bits(published_5b, monkeypatch):
    monkeypatch.setattr(estimate, "_has_gpu", lambda device: True)
    config = with_options(load_profile("tavid-5b"), [f"video.base={published_5b}", "video.adapter="])
    full, small = (needed_by_mode(with_options(config, [f"video.weights={kind}"])) for kind in ("full", "fp8"))
    assert full["resident"] > 20e9 > full["model"] > 10e9 > full["group"] > full["sequential"]
    assert small["resident"] < 0.75 * full["resident"]
    # two of 42 blocks, and what stands outside them
    assert full["group"] - full["sequential"] < 2e9


@pytest.mark.parametrize("named", ["folder", "file", "hub folder", "hub file"])
@pytest.mark.parametrize("option", ["loras=style={}@0.5", "speed_adapter={}"])
def test_loras_take_their_room_beside_the_base_unless_they_are_merged_into_it(tmp_path, monkeypatch, named, option):
    shapes = [("x.lora_A.weight", (64, 3072)), ("x.lora_B.weight", (3072, 64))]
    write_shapes(tmp_path / "lora", shapes, {})
    file = tmp_path / "lora" / "model-00001-of-00002.safetensors"
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda name, **_: tmp_path / {"me/it": "lora"}[name])
    source = {"folder": file.parent, "file": file, "hub folder": "me/it", "hub file": f"me/it/{file.name}"}[named]
    plain = mini(96, 144, 17, "video.speed_steps=4", "video.guidance_scale=1")
    asked = with_options(plain, [f"video.{option.format(source)}"])
    count = 64 * 3072 * (1 if "file" in named else 2)
    assert needed_bytes(asked) == needed_bytes(plain) + 4 * count
    on_disk = sum(f.stat().st_size for f in ([file] if "file" in named else file.parent.glob("*.safetensors")))
    assert estimate.weights_bytes(asked.video) == estimate.weights_bytes(plain.video) + on_disk
    merged = (with_options(config, ["video.fuse=true"]) for config in (asked, plain))
    assert len({needed_bytes(config) for config in merged}) == 1


def test_a_lora_that_is_not_here_is_not_counted(tmp_path):
    plain = mini(96, 144, 17)
    on_hub = ("nobody/none/it.safetensors", "no--body/none")
    for source in (tmp_path / "none", tmp_path / "none.safetensors", *on_hub, "."):
        assert needed_bytes(with_options(plain, [f"video.loras=style={source}"])) == needed_bytes(plain)


@pytest.mark.parametrize("mode", ["model", "group"])
def test_weights_that_wait_beside_the_gpu_must_fit_there(published_5b, monkeypatch, mode):
    """The system would end the process while it loads, without a word of why."""
    monkeypatch.setattr(estimate, "_has_gpu", lambda device: True)
    monkeypatch.setattr(estimate, "device_free_bytes", lambda device: 80e9)
    monkeypatch.setattr(estimate, "free_bytes", lambda: 15e9)
    options = [f"video.base={published_5b}", "video.adapter="]
    config = with_options(load_profile("tavid-5b"), [*options, f"video.memory={mode}"])
    with pytest.raises(TavidError, match=rf"memory={mode} the weights.*about 2\d\.\d GB; 15\.0 GB are free") as error:
        require_memory(config)
    assert error.value.code is ErrorCode.OUT_OF_MEMORY and "video.weights=fp8" in error.value.hint
    require_memory(with_options(config, ["video.weights=fp8"]))
    for other in ("resident", "sequential"):
        require_memory(with_options(config, [f"video.memory={other}"]))
    monkeypatch.setattr(estimate, "free_bytes", lambda: 30e9)
    require_memory(config)


@pytest.mark.parametrize("main_gb, mode", [(30, "model"), (15, "sequential")])
def test_auto_lets_no_weights_wait_where_they_do_not_fit(published_5b, monkeypatch, main_gb, mode):
    monkeypatch.setattr(estimate, "_has_gpu", lambda device: True)
    monkeypatch.setattr(estimate, "device_free_bytes", lambda device: 20e9)
    monkeypatch.setattr(estimate, "free_bytes", lambda: main_gb * 1e9)
    options = [f"video.base={published_5b}", "video.adapter=", "video.memory=auto"]
    config = with_options(load_profile("tavid-5b"), options)
    require_memory(config)
    assert chosen_mode(config.video) == mode


@pytest.mark.parametrize("free_gb, mode", [(80, "resident"), (20, "model"), (12, "group"), (1, "sequential")])
def test_auto_takes_the_quickest_mode_that_fits(published_5b, monkeypatch, free_gb, mode):
    monkeypatch.setattr(estimate, "_has_gpu", lambda device: True)
    monkeypatch.setattr(estimate, "device_free_bytes", lambda device: free_gb * 1e9)
    monkeypatch.setattr(estimate, "free_bytes", lambda: 64e9)
    options = [f"video.base={published_5b}", "video.adapter=", "video.memory=auto"]
    config = with_options(load_profile("tavid-5b"), options)
    assert estimate.chosen_mode(config.video) == mode
    assert needed_bytes(config) == needed_by_mode(config)[mode]


def test_what_this_process_holds_on_a_gpu_already_counts_as_free(published_5b, monkeypatch):
    """Else the second plan of a loaded model would be refused."""
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (10 * 10**9, 40 * 10**9))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda: 25 * 10**9)
    options = [f"video.base={published_5b}", "video.adapter=", "video.memory=resident", "video.device=cuda"]
    config = with_options(load_profile("tavid-5b"), options)
    assert 20e9 < needed_by_mode(config)["resident"] < 35e9
    require_memory(config)
    assert estimate.device_free_bytes("cuda") == 35 * 10**9


def test_as_many_samples_at_once_as_fit(published_5b, monkeypatch):
    monkeypatch.setattr(estimate, "_has_gpu", lambda device: True)
    options = [f"video.base={published_5b}", "video.adapter=", "video.memory=resident"]
    config = with_options(load_profile("tavid-5b"), options)
    needed = [
        needed_bytes(with_options(config, [f"video.samples_at_once={count}"]), samples=4) for count in (1, 2, 3, 4)
    ]
    assert needed == sorted(needed) and needed[3] > needed[2]
    for free, count in ((needed[3], 4), (needed[3] - 1, 3), (needed[0] - 1, 1)):
        monkeypatch.setattr(estimate, "device_free_bytes", lambda device, free=free: free)
        chosen = with_options(config, ["video.samples_at_once=0"]).video
        assert estimate.samples_at_once(chosen, 4, (480, 640)) == count


def test_auto_on_a_cpu_is_resident():
    assert estimate.chosen_mode(mini(16, 16, 5, "video.memory=auto").video) == "resident"


@pytest.mark.parametrize("profile, family", [("wan-5b", "wan"), ("tavid-5b", "cogvideox")])
def test_full_size_models_need_less_the_more_waits_elsewhere(tmp_path, profile, family, monkeypatch):
    full_size(tmp_path / "base", family)
    options = [f"video.base={tmp_path / 'base'}", "video.adapter=", "video.device=cpu", "video.memory=model"]
    config = with_options(load_profile(profile), options)
    needed = needed_by_mode(config)
    assert needed["resident"] > needed["model"] > needed["sequential"]
    weights = 2 * (120 * 14336 * 3072 + 110 * 10240 * 4096)
    assert weights < needed["resident"] < 40e9
    monkeypatch.setattr(estimate, "free_bytes", lambda: int(needed["model"]))
    require_memory(config)
    with pytest.raises(TavidError, match="GB are free"):
        require_memory(with_options(config, ["video.memory=resident"]))


@pytest.mark.parametrize("family, exact", [("cogvideox", 0), ("wan", 40 * 512 * 512 * 27 * 4)])
def test_weights_count_in_the_profiles_dtype_whatever_the_files_hold(tmp_path, family, exact):
    """But those that a family always keeps in single precision."""
    full_size(tmp_path / "base", family)
    options = [f"video.base={tmp_path / 'base'}", "video.height=64", "video.width=64", "video.num_frames=5"]
    half, whole = (
        needed_by_mode(with_options(load_profile("wan-5b"), [*options, f"video.dtype={dtype}"]))["resident"]
        for dtype in ("bfloat16", "float32")
    )
    always = estimate.LIBRARIES_BYTES + exact
    assert whole - always == pytest.approx(2 * (half - always), rel=0.02)


def test_frames_that_share_their_tokens_need_half(tmp_path):
    """CogVideoX 1.5."""
    full_size(tmp_path / "base", "cogvideox")
    options = [f"video.base={tmp_path / 'base'}", "video.num_frames=81", "video.vae_tiling=true"]
    video, vae = with_options(load_profile("wan-5b"), options).video, {"block_out_channels": [1, 1, 1, 1]}
    one, two = (estimate._transformer_bytes(video, {"patch_size_t": t, "max_text_seq_length": 0}, vae) for t in (1, 2))
    assert two == pytest.approx(one * 11 / 21)


@pytest.mark.parametrize(
    ("component", "content"),
    [
        ("transformer", '{"patch_size": 0}'),
        ("transformer", '{"patch_size": "x"}'),
        ("transformer", "[" * 100_000),
        ("vae", '{"block_out_channels": null}'),
        ("vae", '{"temporal_compression_ratio": 0}'),
    ],
)
def test_settings_that_make_no_sense_are_left_to_loading(tmp_path, component, content):
    for name in ("transformer", "vae"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text(content if name == component else "{}")
    config = with_options(load_profile("mini"), [f"video.base={tmp_path}", "video.device=cpu"])
    assert needed_by_mode(config) is None
