import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from tiny_model import tiny_transformer

from hoi_motion.options import from_mapping
from tavid_planner.errors import ErrorCode, InputError, VideoError
from tavid_planner.video.adapter import save_adapter, widen_patch_embed
from tavid_planner.video.conditioning import PALETTE, Conditioning
from tavid_planner.video.loading import load_models
from tavid_planner.video.model_files import weights_digest
from tavid_planner.video.pipeline import TargetAwarePipeline
from training.configuration import AdapterConfig
from training.data.cache import CacheWriter
from training.data.clip import TrainingClip
from training.data.encoded_clip import CacheSettings, ClipEncoder
from training.json_lines import read_lines
from training.tasks.adapter import _both_seen, take_conditioning
from training.trainer import Trainer


def log_of(run):
    return read_lines(run / "log.jsonl")


def trainer_of(options, **changes):
    return Trainer(from_mapping(AdapterConfig, {**options, **changes}))


def test_loss_falls_and_only_the_adapter_moves(train_options):
    trainer = trainer_of(train_options, steps=30, text_dropout=0.0, image_dropout=0.0)
    frozen = {n: p.clone() for n, p in trainer.task.named_parameters() if n not in trainer.trained}
    trainer.run()
    losses = [line["attention"] for line in log_of(Path(train_options["out"]))]
    assert losses[-1] < losses[0]
    assert all("lora_" in n or "patch_embed.proj" in n for n in trainer.trained)
    assert all(torch.equal(frozen[n], dict(trainer.task.named_parameters())[n]) for n in frozen)


def test_gradient_checkpointing_changes_no_loss(train_options, tmp_path):
    trainer_of(train_options).run()
    trainer_of(train_options, gradient_checkpointing=True, out=str(tmp_path / "checkpointed")).run()
    plain, checkpointed = (log_of(Path(p)) for p in (train_options["out"], tmp_path / "checkpointed"))
    for a, b in zip(plain, checkpointed, strict=True):
        assert a == pytest.approx(b, rel=1e-5)


def test_planner_gets_the_frames_of_the_validation(train_options, tiny_base):
    trainer = trainer_of(train_options, ema=0.5, validation=dict(every=4, clips=1, num_inference_steps=3))
    trainer.run()
    [seen] = trainer.validate()
    out = Path(train_options["out"])
    assert {p.name for p in (out / "validation" / "step_000004").iterdir()} == {"0.mp4", "0.png"}
    clip = trainer.task.cache[len(trainer.task.cache) - 1]
    pipeline = TargetAwarePipeline.from_pretrained(tiny_base, out / "adapter")
    pipeline.set_progress_bar_config(disable=True)
    again = pipeline(
        clip.first_frame.numpy(),
        clip.mask.float()[None, None],
        clip.caption,
        32,
        48,
        9,
        3,
        1.0,
        generator=torch.Generator().manual_seed(0),
        output_type="np",
    ).frames[0]
    assert np.abs(again - seen).max() <= 1e-5
    assert (pipeline.adapter.rank, pipeline.adapter.alpha, pipeline.trigger) == (4, 2, "target")
    assert pipeline.adapter.extra["data_digest"] == trainer.task.cache.digest


def test_run_can_start_from_an_adapter(train_options, tmp_path):
    trainer = trainer_of(train_options)
    trainer.run()
    init = str(Path(train_options["out"]) / "adapter")
    second = trainer_of(train_options, init=init, out=str(tmp_path / "second"))
    assert {n.split(".")[-2] for n in second.trained if "lora_" in n} == {"target_aware"}
    assert len(second.trained) == len(trainer.trained)
    with pytest.raises(InputError, match="has rank 4"):
        trainer_of(train_options, init=init, rank=8, out=str(tmp_path / "third"))
    with pytest.raises(InputError, match="has rank 4 and alpha 2, options rank and alpha are 4 and 8"):
        trainer_of(train_options, init=init, alpha=8, out=str(tmp_path / "fourth"))


def test_feed_forward_layers_come_to_an_adapter_without_them_and_change_nothing_at_first(train_options, tmp_path):
    trainer_of(train_options, steps=2).run()
    start = str(Path(train_options["out"]) / "adapter")
    plain = trainer_of(train_options, init=start, out=str(tmp_path / "plain"))
    wider = trainer_of(train_options, init=start, out=str(tmp_path / "wider"), lora_layers="all")
    layers = {name.rpartition(".lora_")[0] for name in wider.trained.keys() - plain.trained.keys()}
    assert layers and all(".ff.net." in layer for layer in layers)
    first = [trainer.task.draw(0, np.random.default_rng(0)) for trainer in (plain, wider)]
    assert torch.equal(*(t.task.eval().predict(batch) for t, batch in zip((plain, wider), first)))
    wider.task.train()
    wider.run()
    with safe_open(tmp_path / "wider" / "adapter" / "pytorch_lora_weights.safetensors", "pt") as file:
        learned = [n for n in file.keys() if ".ff.net." in n and "lora_B" in n]
        assert learned and all(file.get_tensor(n).any() for n in learned)
    again = trainer_of(train_options, init=str(tmp_path / "wider" / "adapter"), out=str(tmp_path / "again"))
    assert again.trained.keys() == wider.trained.keys()


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_a_dora_is_trained_further_and_stays_one_in_all_its_layers(train_options, tmp_path, optimizer):
    from diffusers import CogVideoXTransformer3DModel
    from peft import LoraConfig

    transformer = CogVideoXTransformer3DModel.from_pretrained(train_options["base"], subfolder="transformer")
    widen_patch_embed(transformer)
    layers = ["to_q", "to_k", "to_v", "to_out.0"]
    transformer.add_adapter(LoraConfig(r=4, lora_alpha=2, target_modules=layers, use_dora=True))
    save_adapter(tmp_path / "dora", transformer, 4, 2, "target")
    options = {**train_options, "steps": 2, "optimizer": optimizer, "lora_layers": "all"}
    trainer_of(options, init=str(tmp_path / "dora")).run()
    result = Path(options["out"]) / "adapter"
    names = load_file(result / "pytorch_lora_weights.safetensors").keys()
    assert {n.rpartition(".lora_")[0] for n in names} == {n.rpartition(".lora_")[0] for n in names if "magnitude" in n}
    trainer_of(options, init=str(result), out=str(tmp_path / "again")).run()


def test_trigger_of_another_cache_is_refused(train_options):
    with pytest.raises(InputError, match="encoded with 'target'"):
        trainer_of(train_options, trigger="goal")


def test_adapter_stores_what_made_it(train_options):
    trainer_of(train_options, steps=1).run()
    with safe_open(Path(train_options["out"]) / "adapter" / "patch_embed_conv2d.safetensors", "pt") as file:
        facts = json.loads(file.metadata()["tavid_adapter"])
    assert facts["attention_blocks"] == [0, 1, 2] and facts["attention_loss"] == 0.1 and facts["steps"] == 1


def test_adapter_names_no_blocks_of_a_loss_that_it_was_trained_without(train_options):
    trainer_of(train_options, steps=1, attention=dict(weight=0.0, blocks="1")).run()
    with safe_open(Path(train_options["out"]) / "adapter" / "patch_embed_conv2d.safetensors", "pt") as file:
        facts = json.loads(file.metadata()["tavid_adapter"])
    assert facts["attention_loss"] == 0 and "attention_blocks" not in facts


def test_a_clip_brings_the_other_one_of_its_pair_along_and_the_batch_stays_as_large(train_options):
    task = trainer_of(train_options).task
    task.cache.partner = {0: 2, 1: None, 2: 0, 3: None}.get
    assert task._drawn(np.array([0, 1, 3])) == ([0, 2, 1], ((0, 1),))
    assert task._drawn(np.array([1, 3, 2])) == ([1, 3, 2], ())  # no room for the other one


def test_an_adapter_that_learns_an_id_map_sees_the_mask_in_the_targets_colour_and_nothing_in_the_next_two():
    transformer = tiny_transformer()
    widen_patch_embed(transformer)
    weight = transformer.patch_embed.proj.weight
    mask = torch.nn.init.normal_(weight[:, -1:].detach().clone())
    with torch.no_grad():
        weight[:, -1:] = mask
    take_conditioning(transformer, Conditioning(), Conditioning("id_map"), "start")
    kernels = transformer.patch_embed.proj.weight[:, -3:].detach()
    colours = torch.tensor(PALETTE[:3]) / 255
    seen = torch.einsum("nc,ochw->nohw", colours, kernels)
    torch.testing.assert_close(seen[0], mask[:, 0], atol=1e-5, rtol=1e-5)
    assert seen[1:].abs().max() < 1e-5


def test_maps_are_normalised_as_asked_for(train_options):
    losses = []
    for normalisation in ("raw", "max", "minmax"):
        attention = dict(weight=0.1, blocks="1", normalisation=normalisation)
        losses.append(trainer_of(train_options, attention=attention, text_dropout=0.0).train_step()["attention"])
    assert len(set(losses)) == 3


def test_text_is_left_out_as_often_as_asked_for_and_first_frames_are_of_every_noise(train_options):
    task = trainer_of(train_options, text_dropout=0.25).task
    clips = task.clips([1] * 300, (), np.random.default_rng(0))
    assert 0.15 < 1 - clips.has_trigger.float().mean() < 0.35
    clip, kept = task.cache[1], clips.has_trigger[:, None, None]
    assert torch.equal(clips.text, torch.where(kept, clip.text, task.cache.empty_text))
    which = (clips.image_latents[:, None] == clip.image_latents).flatten(2).all(-1)
    assert which.any(1).all() and (which.float().mean(0) > 0.4).all()


def test_clips_of_a_pair_have_text_and_first_frame_alike(train_options):
    task = trainer_of(train_options, text_dropout=0.5).task
    pairs = tuple((k, k + 20) for k in range(20))
    clips = task.clips([1] * 40, pairs, np.random.default_rng(0))
    for drawn in (clips.has_trigger, clips.text, clips.image_latents):
        assert torch.equal(drawn[:20], drawn[20:])
    assert len(clips.has_trigger.unique()) == 2 and len(clips.image_latents[:20].unique(dim=0)) == 2


def test_a_weight_of_pairs_without_any_is_refused(train_options):
    with pytest.raises(InputError, match="holds no pairs"):
        trainer_of(train_options, pair_weight=0.5)


def test_clips_that_another_base_encoded_are_refused(train_options, tiny_cache, tmp_path):
    cache = shutil.copytree(tiny_cache, tmp_path / "cache")
    facts = json.loads((cache / "cache.json").read_text())
    (cache / "cache.json").write_text(json.dumps({**facts, "encoder_digest": "of another"}))
    with pytest.raises(InputError, match="encoders are not those of the base"):
        trainer_of(train_options, cache=str(cache))


def adapter_with(facts, start, folder):
    """A copy of an adapter with other metadata."""
    shutil.copytree(start, folder)
    path = folder / "patch_embed_conv2d.safetensors"
    with safe_open(path, "pt") as file:
        stored = json.loads(file.metadata()["tavid_adapter"])
    save_file(load_file(path), path, metadata={"tavid_adapter": json.dumps({**stored, **facts})})
    return str(folder)


def test_a_base_whose_files_lack_weights_is_not_trained_on(train_options, tiny_base, tmp_path, monkeypatch):
    """diffusers would draw them at random."""
    monkeypatch.setattr("training.tasks.adapter.refuse_other_encoders", lambda *_: None)
    base = shutil.copytree(tiny_base, tmp_path / "base")
    file = base / "transformer" / "diffusion_pytorch_model.safetensors"
    weights = load_file(file)
    del weights["transformer_blocks.1.ff.net.2.weight"]
    save_file(weights, file, metadata={"format": "pt"})
    with pytest.raises(VideoError, match="transformer_blocks.1.ff.net.2.weight") as error:
        trainer_of(train_options, base=str(base))
    assert error.value.code is ErrorCode.MODEL_MISSING


def test_an_adapter_of_another_base_is_no_start(train_options, tmp_path):
    trainer_of(train_options, steps=1).run()
    start = Path(train_options["out"]) / "adapter"
    other = adapter_with({"transformer_digest": "of another", "base": "elsewhere"}, start, tmp_path / "other")
    with pytest.raises(InputError, match="was trained on elsewhere"):
        trainer_of(train_options, init=other, out=str(tmp_path / "second"))


def test_an_adapter_with_another_trigger_word_is_no_start(train_options, tmp_path):
    trainer_of(train_options, steps=1).run()
    other = adapter_with({"trigger": "goal"}, Path(train_options["out"]) / "adapter", tmp_path / "other")
    with pytest.raises(InputError, match="by the word 'goal', option trigger is 'target'"):
        trainer_of(train_options, init=other, out=str(tmp_path / "second"))


def test_lora_on_other_blocks_than_the_supervised_ones_is_no_start(train_options, tmp_path):
    trainer_of(train_options, steps=1).run()
    start = str(Path(train_options["out"]) / "adapter")
    supervised = dict(attention=dict(blocks="1"), alignment=dict(lora_blocks="supervised"))
    with pytest.raises(InputError, match="has LoRA in the blocks 0, 1, 2"):
        trainer_of(train_options, init=start, out=str(tmp_path / "second"), **supervised)
    alone = trainer_of(train_options, steps=1, out=str(tmp_path / "alone"), **supervised)
    alone.run()
    start = str(tmp_path / "alone" / "adapter")
    again = trainer_of(train_options, init=start, out=str(tmp_path / "again"), **supervised)
    assert len(again.trained) == len(alone.trained)


def test_the_blocks_of_a_loss_that_is_left_out_need_not_be_there(train_options):
    assert trainer_of(train_options, attention=dict(weight=0.0)).task.blocks is None  # the default is for 42 blocks


def test_a_batch_that_never_holds_both_clips_of_a_pair_is_refused(train_options, tiny_cache, tmp_path):
    cache = shutil.copytree(tiny_cache, tmp_path / "cache")
    lines = [json.loads(line) for line in (cache / "index.jsonl").read_text().splitlines()]
    lines[0]["pairs"] = ["one", "one", ""]
    (cache / "index.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    options = {**train_options, "cache": str(cache), "pair_weight": 0.5}
    assert trainer_of(options).task.weights["pairs"] == 0.5
    with pytest.raises(InputError, match="never holds both clips of a pair"):
        trainer_of(options, batch_size=1)


@pytest.fixture
def tracked(tiny_base, tmp_path):
    """Options of MATRIX's losses on three encoded clips, cells of 8 px; the second's object is too thin for them."""
    pipeline = TargetAwarePipeline.from_pretrained(tiny_base)
    length = pipeline.transformer.config.max_text_seq_length
    settings = CacheSettings(str(tiny_base), weights_digest(tiny_base), 32, 48, 9, 1, "target", length, track_px=8)
    encoder, clips = ClipEncoder(pipeline, settings), []
    for index, width in enumerate((16, 3, 16)):
        tracks = np.zeros((2, 9, 32, 48), bool)
        tracks[0, :, 8:24, 24:40] = tracks[1, :, 8:24, 8 : 8 + width] = True
        words, caption = ("person", "takes", "cup"), "A person takes the [TGT] cup."
        clip = TrainingClip(np.zeros((9, 32, 48, 3), np.uint8), tracks[1, 0], caption, tracks, words)
        clips.append(encoder.encode(f"clip{index}", clip))
    CacheWriter(tmp_path / "tracked", settings, encoder.text("")).add_shard(clips)
    matrix = dict(grounding=dict(weight=1.0, blocks="1"), propagation=dict(weight=1.0, blocks="1"))
    return dict(cache=str(tmp_path / "tracked"), alignment=matrix)


def test_a_clip_with_an_empty_track_takes_no_part_in_the_losses_on_tracks(train_options, tracked, caplog):
    task = trainer_of(train_options, **tracked).task
    assert task.clips([0, 1, 2], (), np.random.default_rng(0)).interactions.known.tolist() == [True, False, True]
    assert "1 of 3 clips" in caplog.text


@pytest.mark.parametrize(
    "shown, seen",
    [
        ({(0, 0), (1, 0)}, True),
        ({(0, 0)}, False),
        ({(1, 0)}, False),
        ({(0, 0), (1, 1)}, False),
        ({(0, 1), (1, 1)}, False),
    ],
)
def test_both_are_seen_where_each_has_a_cell_in_the_first_frame(shown, seen):
    """`shown` has (subject 0 or object 1, frame); in a batch each clip is told by itself."""
    tracks = torch.zeros(2, 2, 2, 3, 4, dtype=torch.bool)
    tracks[0] = True
    for who, frame in shown:
        tracks[1, who, frame, 1 + who, 2] = True
    assert _both_seen(tracks).tolist() == [True, seen]
    assert bool(_both_seen(tracks[1])) is seen


def test_clips_that_all_have_an_empty_track_are_refused(train_options, tracked, tmp_path):
    index = Path(tracked["cache"]) / "index.jsonl"
    index.write_text(index.read_text() + json.dumps({"forgotten": ["clip0", "clip2"], "clips": ""}) + "\n")
    with pytest.raises(InputError, match="1 of 1 clips"):
        trainer_of(train_options, **tracked)


def test_a_validation_takes_the_transformer_that_is_trained_and_no_second_one(train_options, monkeypatch):
    """At full size a second one, in single precision, would not fit beside the training."""
    loaded = []

    def load(base, **options):
        loaded.append(options)
        return load_models(base, **options)

    trainer = trainer_of(train_options, validation=dict(clips=1, num_inference_steps=1))
    trainer.task.config = replace(trainer.task.config, mixed_precision="bf16")
    monkeypatch.setattr(TargetAwarePipeline, "from_pretrained", load)
    monkeypatch.setattr("diffusers.CogVideoXTransformer3DModel.from_pretrained", None)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        trainer.task.validate(Path(train_options["out"]))
    [options] = loaded
    assert options["transformer"] is trainer.task.transformer and options["dtype"] is torch.bfloat16


def test_memory_that_does_not_last_ends_a_training_with_what_to_do(train_options, monkeypatch):
    trainer = trainer_of(train_options)
    monkeypatch.setattr(trainer, "_average", lambda: torch.empty(2**60))
    with pytest.raises(VideoError, match="gradient_checkpointing=true") as error:
        trainer.run()
    assert error.value.code is ErrorCode.OUT_OF_MEMORY
    trainer.save()
    assert trainer_of(train_options, gradient_checkpointing=True).step == 1  # goes on
