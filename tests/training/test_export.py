import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from tavid_planner.video.adapter import load_adapter, save_adapter, widen_patch_embed
from tavid_planner.video.model_files import weights_digest
from tavid_planner.video.pipeline import TargetAwarePipeline
from training import export
from training.data import latents
from training.data.latents import LatentCache
from training.models import build_scheduler, build_text_encoder, build_tokenizer, build_transformer, build_vae
from training.scenes.clip_file import save_clip
from training.scenes.scene import generate_scene
from training.tasks.adapter import DIGEST_OF_BASE, add_lora


def run(monkeypatch, command, **options):
    arguments = [part for name, value in options.items() for part in (f"--{name}", str(value))]
    monkeypatch.setattr("sys.argv", [command.__name__, *arguments])
    command.main()


@pytest.fixture
def trained(tmp_path, monkeypatch):
    """What the trainings of a small model leave, and latents that its VAE made: the options of the export."""
    (tmp_path / "scenes").mkdir()
    save_clip(tmp_path / "scenes" / "clip_000000003.npz", generate_scene(3, 32, 48, 9))
    build_vae().save_pretrained(tmp_path / "vae" / "vae")
    run(monkeypatch, latents, scenes=tmp_path / "scenes", vae=tmp_path / "vae", out=tmp_path / "latents")
    tokenizer = build_tokenizer(["a person"])
    transformer = build_transformer(layers=1, heads=1, latent_size=(3, 16, 4, 6))
    transformer.save_pretrained(tmp_path / "base" / "transformer")
    build_text_encoder(len(tokenizer)).save_pretrained(tmp_path / "base" / "text_encoder")
    tokenizer.save_pretrained(tmp_path / "base" / "tokenizer")
    build_scheduler().save_pretrained(tmp_path / "base" / "scheduler")
    widen_patch_embed(transformer)
    add_lora(transformer, 4, 2)
    facts = {DIGEST_OF_BASE: weights_digest(tmp_path / "base" / "transformer")}
    save_adapter(tmp_path / "adapter", transformer, 4, 2, "target", facts)
    return {name: tmp_path / name for name in ("vae", "latents", "base", "adapter", "out")}


def test_the_parts_make_a_model_folder_that_loads(trained, monkeypatch):
    run(monkeypatch, export, **trained)
    pipeline = TargetAwarePipeline.from_pretrained(trained["out"], trained["out"] / "adapter")
    scale = LatentCache.load(trained["latents"] / "latents.pt").scale
    assert pipeline.vae.config.scaling_factor == pytest.approx(scale)


def test_the_adapter_is_one_of_the_transformer_beside_it(trained, monkeypatch):
    run(monkeypatch, export, **trained)
    transformer = build_transformer(layers=1, heads=1, latent_size=(3, 16, 4, 6))
    adapter = load_adapter(transformer, trained["out"] / "adapter")
    assert adapter.extra[DIGEST_OF_BASE] == weights_digest(trained["out"] / "transformer")
    assert (adapter.trigger, adapter.rank) == ("target", 4)


def test_latents_of_another_vae_are_refused_and_nothing_is_written(trained, monkeypatch, capsys):
    torch.manual_seed(1)
    build_vae().save_pretrained(trained["vae"] / "vae")
    with pytest.raises(SystemExit):
        run(monkeypatch, export, **trained)
    assert "was encoded by another VAE" in capsys.readouterr().err and not trained["out"].exists()


@pytest.mark.parametrize("part", ["vae/vae", "latents/latents.pt", "base/tokenizer", "adapter"])
def test_a_part_that_is_missing_is_named_and_nothing_is_written(part, trained, monkeypatch, capsys):
    place = trained["out"].parent / part
    shutil.rmtree(place) if place.is_dir() else place.unlink()
    with pytest.raises(SystemExit):
        run(monkeypatch, export, **trained)
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and str(place.parent if part == "vae/vae" else place) in error
    assert not trained["out"].exists()


@pytest.mark.parametrize(
    "damage, said", [("cut", "damaged or truncated"), ("too large", "half precision does not hold")]
)
@pytest.mark.parametrize("part", ["base/transformer", "base/text_encoder", "adapter"])
def test_weights_that_are_damaged_or_too_large_are_named_and_nothing_is_written(
    part, damage, said, trained, monkeypatch, capsys
):
    path = sorted((trained["out"].parent / part).glob("*.safetensors"))[0]
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-8])
    else:
        tensors = load_file(path)
        next(iter(tensors.values())).view(-1)[0] = 1e5
        save_file(tensors, path, metadata={"format": "pt"})
    with pytest.raises(SystemExit) as ended:
        run(monkeypatch, export, **trained)
    error = capsys.readouterr().err
    assert ended.value.code == 2 and said in error and path.name in error and error.count("\n") == 1
    assert not trained["out"].exists()


def test_a_place_that_cannot_be_written_ends_in_one_line(trained, monkeypatch, capsys):
    trained["out"].write_text("a file")
    with pytest.raises(SystemExit) as ended:
        run(monkeypatch, export, **trained)
    error = capsys.readouterr().err
    assert ended.value.code == 2 and error.startswith("OUTPUT_INVALID") and error.count("\n") == 1


def test_an_adapter_in_the_place_where_it_would_be_written_is_refused(trained, monkeypatch, capsys):
    (trained["out"] / "adapter").parent.mkdir()
    shutil.move(trained["adapter"], trained["out"] / "adapter")
    with pytest.raises(SystemExit) as ended:
        run(monkeypatch, export, **{**trained, "adapter": trained["out"] / "adapter"})
    assert ended.value.code == 2 and "--adapter is the folder adapter in --out" in capsys.readouterr().err
