from pathlib import Path

import numpy as np
import pytest
import torch

from hoi_motion.options import from_mapping
from tavid_planner.errors import InputError
from tavid_planner.video.backbone import backbone_of
from tavid_planner.video.named_loras import NamedLora
from tavid_planner.video.pipeline import TargetAwarePipeline
from training.configuration import AdapterConfig, FewStepsConfig
from training.trainer import Trainer

FEW = dict(
    attention=dict(weight=0.0, blocks="0"),
    text_dropout=0.0,
    image_dropout=0.0,
    student_steps=1,
    teacher_steps=2,
    schedule="constant",
)


@pytest.fixture
def options(train_options, tmp_path):
    """Options of a run beside an adapter that a training made."""
    Trainer(from_mapping(AdapterConfig, train_options)).run()
    adapter = str(Path(train_options["out"]) / "adapter")
    return {**train_options, **FEW, "init": adapter, "out": str(tmp_path / "few"), "rank": 8, "alpha": 8}


def test_the_student_comes_nearer_to_the_teacher_which_stays_as_it_was(options):
    trainer = Trainer(from_mapping(FewStepsConfig, {**options, "steps": 40, "learning_rate": 1e-2}))
    frozen = {n: p.clone() for n, p in trainer.task.named_parameters() if n not in trainer.trained}
    losses = [trainer.train_step()["diffusion"] for _ in range(40)]
    assert sum(losses[-5:]) < 0.95 * sum(losses[:5])  # clips of noise leave little to learn
    assert all("lora_" in name for name in trainer.trained)
    assert all(torch.equal(frozen[n], dict(trainer.task.named_parameters())[n]) for n in frozen)


def test_its_lora_says_beside_the_adapter_what_it_said_in_training(options, tiny_base):
    trainer = Trainer(from_mapping(FewStepsConfig, {**options, "learning_rate": 0.1, "optimizer": "muon"}))
    trainer.run()
    task = trainer.task.eval()
    batch = task.draw(0, np.random.default_rng(0))
    speed = NamedLora("speed_adapter", str(Path(options["out"]) / "adapter"))
    planner = TargetAwarePipeline.from_pretrained(tiny_base, options["init"], loras=(speed,))
    alone = TargetAwarePipeline.from_pretrained(tiny_base, options["init"])
    inputs, times = task.backbone.inputs(batch.noisy, batch.image, batch.condition), torch.full((2,), 999)
    with torch.no_grad():
        expected = task.backbone.predict(inputs, batch.text, times)
        found, without = (backbone_of(p.transformer).predict(inputs, batch.text, times) for p in (planner, alone))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    assert (found - without).abs().max() > 1e-2


def test_guidance_of_the_teacher_is_learnt(options):
    plain, led = (
        Trainer(from_mapping(FewStepsConfig, {**options, "out": options["out"] + name, "teacher_guidance": scale}))
        for name, scale in (("a", 1.0), ("b", 4.0))
    )
    assert plain.train_step()["diffusion"] != pytest.approx(led.train_step()["diffusion"], rel=1e-3)


@pytest.mark.parametrize(
    "change",
    [
        dict(student_steps=2),
        dict(student_steps=3, teacher_steps=4),
        dict(attention=dict(weight=0.1)),
        dict(pair_weight=0.5),
    ],
)
def test_a_config_that_cannot_be_learnt_is_refused(change):
    with pytest.raises(InputError, match=r"teacher_steps|its teacher alone"):
        from_mapping(FewStepsConfig, {**FEW, **change})


def test_conditioning_of_another_adapter_is_refused(options):
    with pytest.raises(InputError, match="has the conditioning 'mask', option conditioning is 'id_map'"):
        Trainer(from_mapping(FewStepsConfig, {**options, "conditioning": "id_map"}))


def test_a_run_does_not_go_on_with_another_adapter_in_the_same_place(options, train_options):
    trainer = Trainer(from_mapping(FewStepsConfig, options))
    trainer.train_step()
    trainer.save()
    Trainer(from_mapping(AdapterConfig, {**train_options, "steps": 6})).run()
    with pytest.raises(InputError, match="another model"):
        Trainer(from_mapping(FewStepsConfig, options))


@pytest.mark.parametrize(
    "change",
    [dict(image_dropout=0.05), dict(noise_power=2.0), dict(own_inputs=0.5), {"lora_blocks": "supervised"}],
)
def test_an_option_that_it_has_no_use_for_is_refused_by_name(change):
    (name,) = change
    given = dict(alignment=change) if name == "lora_blocks" else change
    with pytest.raises(InputError, match=f"option .*{name} is .*set it to"):
        from_mapping(FewStepsConfig, {**FEW, **given})
