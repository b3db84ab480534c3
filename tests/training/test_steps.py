"""What one step does: rates, averages, gradients, draws and losses."""

import itertools
import json
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from hoi_motion.options import from_mapping
from tavid_planner.errors import ErrorCode, InputError
from training.configuration import AdapterConfig
from training.trainer import Trainer


def log_of(run):
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


def trainer_of(options, **changes):
    return Trainer(from_mapping(AdapterConfig, {**options, **changes}))


@pytest.mark.parametrize(
    "schedule, shares", [("constant", [0.5, 1.0, 1.0, 1.0]), ("cosine", [0.5, 0.868198, 0.55, 0.231802])]
)
def test_the_rate_rises_over_its_steps_and_then_falls_to_its_last_share(train_options, schedule, shares):
    """A cosine at 0, 1/4, 1/2 and 3/4 of the run is 1, 0.853553, 0.5 and 0.146447, here of the upper 0.9."""
    trainer = trainer_of(train_options, steps=4, warmup_steps=2, schedule=schedule, final_rate=0.1)
    rates = []
    for _ in range(4):
        trainer.train_step()
        rates += {group["lr"] for optimizer in trainer.optimizers for group in optimizer.param_groups}
    assert rates == pytest.approx([train_options["learning_rate"] * share for share in shares])


def test_averages_follow_the_weights_faster_at_first(train_options):
    trainer = trainer_of(train_options, ema=0.25)
    name = next(n for n in trainer.trained if "lora_B" in n)
    expected = trainer.trained[name].detach().clone()
    for decay in (2 / 11, 0.25, 0.25):  # (1 + step) / (10 + step), until that is more than the option
        trainer.train_step()
        expected = decay * expected + (1 - decay) * trainer.trained[name].detach()
        torch.testing.assert_close(trainer.averaged[name], expected)
    assert not torch.equal(expected, trainer.trained[name])


@pytest.mark.parametrize("limit, calls", [(0.25, [0.25, 0.25]), (0.0, [])])
def test_gradients_are_clipped_once_a_step_when_all_passes_are_added(train_options, monkeypatch, limit, calls):
    trainer, seen = trainer_of(train_options, accumulation=2, clip_gradient=limit), []
    monkeypatch.setattr(trainer.accelerator, "clip_grad_norm_", lambda parameters, norm: seen.append(norm))
    for _ in range(2):
        trainer.train_step()
    assert seen == calls


def test_what_is_drawn_is_another_for_every_seed_step_pass_and_process(train_options, monkeypatch):
    def drawn(seed, step, accumulated, process):
        trainer.config, trainer.step = replace(trainer.config, seed=seed), step
        trainer.accelerator = SimpleNamespace(num_processes=2, process_index=process)
        return trainer._batch(accumulated)

    trainer = trainer_of(train_options)
    monkeypatch.setattr(trainer.task, "draw", lambda step, rng: (step, rng.integers(2**60)))
    numbers = [drawn(*which) for which in itertools.product(range(2), repeat=4)]
    assert len({number for _, number in numbers}) == len(numbers) and drawn(1, 1, 1, 1) == numbers[-1]
    assert [step for step, _ in numbers] == [0, 0, 0, 0, 1, 1, 1, 1] * 2


def test_losses_count_by_their_weights(train_options, monkeypatch):
    trainer, totals = trainer_of(train_options, attention=dict(weight=0.25, blocks="1"), text_dropout=0.0), []
    backward = trainer.accelerator.backward
    monkeypatch.setattr(trainer.accelerator, "backward", lambda total: totals.append(total.item()) or backward(total))
    losses = trainer.train_step()
    assert totals == pytest.approx([losses["diffusion"] + 0.25 * losses["attention"]]) and losses["attention"] > 0.01


def test_a_loss_that_is_not_finite_ends_the_run_and_names_its_step(train_options):
    trainer = trainer_of(train_options)
    trainer.train_step()
    with torch.no_grad():
        next(iter(trainer.trained.values())).fill_(float("nan"))
    with pytest.raises(InputError, match="the loss is nan at step 1") as error:
        trainer.train_step()
    assert error.value.code is ErrorCode.CONFIG_INVALID


def test_the_averages_are_the_weights_for_a_while_only(train_options):
    trainer = trainer_of(train_options, ema=0.9)
    trainer.train_step()
    own = {name: value.detach().clone() for name, value in trainer.trained.items()}
    with trainer.result():
        assert all(torch.equal(trainer.trained[name], trainer.averaged[name]) for name in own)
    assert all(torch.equal(trainer.trained[name], value) for name, value in own.items())
    assert any(not torch.equal(trainer.averaged[name], value) for name, value in own.items())
