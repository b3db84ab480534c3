from pathlib import Path

import pytest
import torch
from diffusers import CogVideoXTransformer3DModel
from peft import LoraConfig
from safetensors.torch import load_file

from hoi_motion.options import from_mapping
from tavid_planner.errors import InputError
from tavid_planner.video.adapter import load_adapter, save_adapter, widen_patch_embed
from training.configuration import AdapterConfig, FewStepsConfig
from training.tasks.merged_lora import MergedLora, grow
from training.trainer import Trainer

LAYERS = ["to_q", "to_k", "to_v", "to_out.0"]


def transformer_with_lora(base, rank, alpha, **options):
    torch.manual_seed(0)
    transformer = CogVideoXTransformer3DModel.from_pretrained(base, subfolder="transformer")
    widen_patch_embed(transformer)
    transformer.add_adapter(LoraConfig(r=rank, lora_alpha=alpha, target_modules=LAYERS, **options))
    for name, weight in transformer.named_parameters():
        if "lora_" in name:  # of which one factor is zero at first
            torch.nn.init.normal_(weight, std=0.1)
    return transformer


def prediction(transformer):
    generator = torch.Generator().manual_seed(1)
    video = torch.randn(1, 3, transformer.patch_embed.proj.in_channels, 4, 6, generator=generator)
    text = torch.randn(1, 4, transformer.config.text_embed_dim, generator=generator)
    with torch.no_grad():
        return transformer.eval()(video, text, torch.tensor([500]), return_dict=False)[0]


def factors(transformer):
    return {n: p for n, p in transformer.named_parameters() if "lora_" in n}


def trainer_of(options, **changes):
    return Trainer(from_mapping(AdapterConfig, {**options, "merged": True, **changes}))


@pytest.fixture
def learned(train_options, tmp_path):
    """An adapter that is not nothing."""
    Trainer(from_mapping(AdapterConfig, {**train_options, "out": str(tmp_path / "first")})).run()
    return str(tmp_path / "first" / "adapter")


def test_merging_changes_no_prediction(tiny_base):
    transformer = transformer_with_lora(tiny_base, 4, 2)
    before = prediction(transformer)
    MergedLora(transformer)
    assert torch.allclose(prediction(transformer), before, atol=1e-5)


def test_factors_of_an_unchanged_lora_do_what_it_did(tiny_base):
    transformer, again = (transformer_with_lora(tiny_base, 4, 2) for _ in range(2))
    merged = MergedLora(transformer)
    assert merged.factor() == pytest.approx(0, abs=1e-9)
    for (name, learned), (other, weight) in zip(factors(transformer).items(), factors(again).items(), strict=True):
        assert name == other
        weight.data = learned.data
    assert torch.allclose(prediction(again), prediction(transformer), atol=1e-5)


def test_a_rank_too_small_leaves_out_the_smallest_singular_values(tiny_base):
    transformer = transformer_with_lora(tiny_base, 2, 2)
    merged = MergedLora(transformer)
    layer = transformer.transformer_blocks[0].attn1.to_q
    for other, base in zip(merged._layers, merged._base, strict=True):
        other.base_layer.weight.data = base.clone()
    change = torch.diag(torch.tensor([4.0, 2.0, 1.0]))
    layer.base_layer.weight.data[:3, :3] += change
    assert merged.factor() == pytest.approx(1 / 21, rel=1e-4)
    change[2, 2] = 0
    held = layer.lora_B["default"].weight @ layer.lora_A["default"].weight * layer.scaling["default"]
    assert torch.allclose(held[:3, :3], change, atol=1e-5)


def test_only_weights_under_the_lora_and_the_input_convolution_are_trained(train_options):
    trainer = trainer_of(train_options)
    assert all("base_layer.weight" in n or "patch_embed.proj" in n for n in trainer.trained)
    assert any("base_layer.weight" in n for n in trainer.trained)


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_written_adapter_predicts_what_was_trained(train_options, learned, optimizer):
    width = 64  # no smaller than a layer of the tiny base
    trainer = trainer_of(train_options, init=learned, optimizer=optimizer, rank=width, alpha=width // 2)
    before = prediction(trainer.task.transformer)
    trainer.run()
    base = CogVideoXTransformer3DModel.from_pretrained(train_options["base"], subfolder="transformer")
    load_adapter(base, Path(train_options["out"]) / "adapter")
    after = prediction(trainer.task.transformer)
    assert (after - before).abs().max() > 1e-3
    assert torch.allclose(prediction(base), after, atol=1e-4)


def test_a_stopped_run_goes_on_as_if_it_had_not_been(train_options, learned, tmp_path):
    options = {**train_options, "init": learned, "save_every": 2, "schedule": "constant"}
    runs = [("whole", 4), ("parts", 2), ("parts", 4)]
    for name, steps in runs:
        trainer_of(options, steps=steps, out=str(tmp_path / name)).run()
    whole, parts = (
        load_file(tmp_path / n / "adapter" / "pytorch_lora_weights.safetensors") for n in ("whole", "parts")
    )
    assert all(torch.equal(whole[name], parts[name]) for name in whole)


@pytest.mark.parametrize("alphas", [{}, {"to_q": 16}], ids=["one alpha", "several"])
def test_a_larger_rank_does_the_same_at_first_and_is_written_as_such(tiny_base, tmp_path, alphas):
    transformer = transformer_with_lora(tiny_base, 4, 2, alpha_pattern=alphas)
    before = prediction(transformer)
    grow(transformer, 6)
    assert torch.allclose(prediction(transformer), before, atol=1e-6)
    save_adapter(tmp_path / "grown", transformer, 6, 3, "target")
    again = CogVideoXTransformer3DModel.from_pretrained(tiny_base, subfolder="transformer")
    assert load_adapter(again, tmp_path / "grown").rank == 6
    assert torch.allclose(prediction(again), before, atol=1e-3)


def test_what_a_larger_rank_adds_can_learn(train_options, learned):
    trainer = Trainer(from_mapping(AdapterConfig, {**train_options, "init": learned, "rank": 6, "alpha": 3}))
    start = {n: p.clone() for n, p in trainer.trained.items() if "lora_B" in n}
    trainer.run()
    assert all((trainer.trained[n] - p)[:, 4:].abs().max() > 0 for n, p in start.items())


def test_another_scale_with_a_larger_rank_is_refused(train_options, learned):
    with pytest.raises(InputError, match="has rank 4 and alpha 2, options rank and alpha are 8 and 2"):
        Trainer(from_mapping(AdapterConfig, {**train_options, "init": learned, "rank": 8}))


def test_a_lora_of_several_ranks_is_not_grown(tiny_base):
    with pytest.raises(InputError, match="have several ranks"):
        grow(transformer_with_lora(tiny_base, 4, 2, rank_pattern={"to_q": 8}), 16)


def test_a_dora_is_not_merged(tiny_base):
    with pytest.raises(InputError, match="is a DoRA"):
        MergedLora(transformer_with_lora(tiny_base, 4, 2, use_dora=True))


def test_few_steps_are_not_merged():
    with pytest.raises(InputError, match="needs its teacher's weights"):
        FewStepsConfig(merged=True)


def test_a_sharded_base_is_not_merged(train_options):
    from types import SimpleNamespace

    from training.trainer import _check_sharding

    trainer = trainer_of(train_options)
    sharded = SimpleNamespace(state=SimpleNamespace(fsdp_plugin=SimpleNamespace(transformer_cls_names_to_wrap=[])))
    with pytest.raises(InputError, match="accelerate shards the base"):
        _check_sharding(sharded, trainer.task)


def test_rounding_of_a_half_precision_base_is_no_part_of_the_change(tiny_base):
    transformer = transformer_with_lora(tiny_base, 4, 2).to(torch.bfloat16)
    merged = MergedLora(transformer)
    assert all(base.dtype == torch.float32 for base in merged._base)
    assert merged.factor() == pytest.approx(0, abs=1e-9)
