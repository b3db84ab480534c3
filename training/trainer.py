"""The training loop, the same for whatever is trained: accelerate, rates, averages, log, checkpoints, resume."""

import json
import logging
import math
import os
import shutil
import time
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.tracking import get_available_trackers
from accelerate.utils import send_to_device
from torch.distributed.tensor import DTensor
from tqdm import tqdm

from hoi_motion.files import write_whole
from tavid_planner.errors import ErrorCode, InputError
from tavid_planner.video.memory import memory_errors
from training.checkpoints import Checkpoint, load_newest, put_optimizer_state, put_weights, save_checkpoint, whole
from training.claims import refuse_another
from training.configuration import AdapterConfig, BaseConfig, FewStepsConfig, TrainConfig, VaeConfig
from training.json_lines import append_line, read_lines
from training.muon import Muon
from training.scenes.held_out import refuse_held_out
from training.slow_bfloat16 import warn_if_slow
from training.tasks.adapter import AdapterTask
from training.tasks.base import BaseTask
from training.tasks.few_steps import FewStepsTask
from training.tasks.task import Task
from training.tasks.vae import VaeTask

TASKS = {AdapterConfig: AdapterTask, FewStepsConfig: FewStepsTask, BaseConfig: BaseTask, VaeConfig: VaeTask}
MEMORY_HINT = (
    "go on with gradient_checkpointing=true, or with the base sharded over several GPUs (config/training/fsdp.yaml), "
    "or start a run with a smaller batch_size and more accumulation"
)
RESUMABLE_CHANGES = {"steps", "minutes", "out", "validation", "log_every", "save_every", "tracker", "device"}
RESUMABLE_CHANGES |= {"gradient_checkpointing"}  # which changes no more than rounding

logger = logging.getLogger(__name__)


class Trainer:
    """One run.

    Attributes:
        task: what is trained.
        trained: the parameters that change, by name; averaged: their averages, empty without.
        step: optimizer steps made; progress: share of the run that is done.

    Raises:
        InputError: CONFIG_INVALID, FILE_INVALID.
        VideoError: MODEL_MISSING, ADAPTER_INCOMPATIBLE.
    """

    def __init__(self, config: TrainConfig):
        self.config = config
        self.out = Path(config.out)
        _check_surroundings(config)
        self.accelerator = Accelerator(
            mixed_precision=config.mixed_precision,
            gradient_accumulation_steps=config.accumulation,
            cpu=config.device == "cpu" or not torch.accelerator.is_available(),  # else processes on a CPU stay alone
            log_with=config.tracker or None,
            project_dir=str(self.out),
        )
        if config.mixed_precision == "bf16" and self.accelerator.is_main_process:
            warn_if_slow(self.accelerator.device, "add the option mixed_precision=no")
        torch.manual_seed(config.seed)  # the same new weights everywhere
        self.task: Task = TASKS[type(config)](config, self.accelerator.device)
        _check_sharding(self.accelerator, self.task)
        self.wrapped, *self.optimizers = self.accelerator.prepare(self.task, *_optimizers(self.task, config))
        refuse_held_out(self.task.clip_names, self.task.clips_from)
        self.trained = _trained(self.task)  # after prepare, which may shard them
        self.averaged = {n: p.detach().clone() for n, p in self.trained.items()} if config.ema else {}
        self.step, self.unlogged, spent_s = 0, [], 0.0
        checkpoint = load_newest(self.out / "checkpoints")
        if checkpoint is not None:
            spent_s = self._resume(checkpoint)
        self.started_s = time.monotonic() - spent_s
        self.progress = self._agreed_progress()

    def run(self) -> dict[str, float]:
        """Train to the end and write the result; the last losses in the log."""
        config, main = self.config, self.accelerator.is_main_process
        if main:
            self._cut_log()
        if config.tracker:
            self.accelerator.init_trackers("tavid", config={k: str(v) for k, v in asdict(config).items()})
        losses = {}
        # closed by an error, too, whose message then has a line of its own
        with (
            memory_errors(MEMORY_HINT),
            tqdm(
                total=config.steps or None, initial=self.step, unit="step", desc=self.out.name, disable=not main
            ) as bar,
        ):
            if self._validation_is_due() and self._validation_is_missing():
                self.validate()  # a stop after the checkpoint of this step came before
            while self.progress < 1:
                last_losses = self.train_step()
                ended = self.progress >= 1
                bar.update()
                bar.set_postfix({"done": f"{self.progress:.0%}", **{k: f"{v:.4g}" for k, v in last_losses.items()}})
                if self.step % config.log_every == 0 or ended:
                    losses = self._log()
                if self.step % config.save_every == 0 or ended:
                    self.save()
                if self._validation_is_due():
                    self.validate()
        with self.result() as task:
            if main:
                task.export(self.out, self.step)
        self.accelerator.wait_for_everyone()
        self.accelerator.end_training()
        return losses

    def train_step(self) -> dict[str, float]:
        """One optimizer step; its losses, averaged over its passes and processes."""
        config = self.config
        self._set_learning_rate()
        names = list(self.task.weights)
        values = torch.full((config.accumulation, len(names)), math.nan, device=self.accelerator.device)
        for accumulated in range(config.accumulation):
            with self.accelerator.accumulate(self.wrapped), ExitStack() as held:
                losses = self.wrapped(send_to_device(self._batch(accumulated), self.accelerator.device), held)
                total = sum(weight * losses[n] for n, weight in self.task.weights.items() if weight and n in losses)
                if not torch.isfinite(total):
                    raise InputError(
                        ErrorCode.CONFIG_INVALID,
                        f"the loss is {float(total)} at step {self.step}",
                        "lower the learning rate, or use bf16 in place of fp16",
                    )
                self.accelerator.backward(total)
                if self.accelerator.sync_gradients and config.clip_gradient:
                    self.accelerator.clip_grad_norm_(self.trained.values(), config.clip_gradient)
                for optimizer in self.optimizers:
                    optimizer.step()
                for optimizer in self.optimizers:
                    optimizer.zero_grad()
            for name, value in losses.items():
                values[accumulated, names.index(name)] = value.detach()
        self.step += 1
        self._average()
        self.progress = self._agreed_progress()
        means = self.accelerator.gather(values).nanmean(0).tolist()  # pyright: ignore[reportAttributeAccessIssue] - a tensor, as `values` is
        self.unlogged.append({n: value for n, value in zip(names, means) if not math.isnan(value)})
        return self.unlogged[-1]

    def _batch(self, accumulated: int):
        """What belongs to this step, pass and process, drawn from nothing but their numbers and the seed."""
        part = accumulated * self.accelerator.num_processes + self.accelerator.process_index
        return self.task.draw(self.step, np.random.default_rng([self.config.seed, self.step, part]))

    def save(self) -> Path | None:
        """Write a checkpoint; its folder in the main process. Every process must call it, as the two below."""
        facts = {
            "config": asdict(self.config),
            "data": self.task.data_digest,
            "model": self.task.model_digest,
            "processes": self.accelerator.num_processes,
            "scaler": None if self.accelerator.scaler is None else self.accelerator.scaler.state_dict(),
            "spent_s": time.monotonic() - self.started_s,
            "unlogged": self.unlogged,
        }
        states = [getattr(o, "optimizer", o).state_dict() for o in self.optimizers]
        weights, averaged, states = whole([self.trained, self.averaged, states])
        if not self.accelerator.is_main_process:
            return None
        return save_checkpoint(self.out / "checkpoints", Checkpoint(self.step, weights, averaged, states, facts))

    def validate(self) -> list[np.ndarray]:
        """Pictures of the (averaged) weights in `validation/`; the videos on them, in the main process."""
        with self.result() as task, self.accelerator.autocast():
            if not self.accelerator.is_main_process:
                return []
            partial = self._validation_folder.with_suffix(".partial")
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True)
            videos = task.validate(partial)
            shutil.rmtree(self._validation_folder, ignore_errors=True)
            os.replace(partial, self._validation_folder)
            return videos

    @property
    def _validation_folder(self) -> Path:
        return self.out / "validation" / f"step_{self.step:06d}"

    def _validation_is_due(self) -> bool:
        every = self.config.validation.every
        return bool(every and self.step and self.step % every == 0)

    def _validation_is_missing(self) -> bool:
        """Whether its folder is not there for the first process; the same in all processes."""
        missing = torch.tensor([not self._validation_folder.is_dir()], device=self.accelerator.device)
        return bool(self.accelerator.gather(missing)[0])

    @contextmanager
    def result(self):
        """The task with the (averaged) weights, for a while; of sharded ones a whole copy in the main process."""
        if any(isinstance(p, DTensor) for p in self.trained.values()):
            weights = whole({**self.trained, **self.averaged})
            copied = None
            if self.accelerator.is_main_process:
                copied = TASKS[type(self.config)](self.config, self.accelerator.device).to(self.accelerator.device)
                put_weights(_trained(copied), weights, "the run")
            yield copied
            return
        places = {n: self.trained[n] for n in self.averaged}
        kept = {n: p.detach().clone() for n, p in places.items()}
        put_weights(places, self.averaged, "the average")
        try:
            yield self.task
        finally:
            put_weights(places, kept, "the run")

    def _agreed_progress(self) -> float:
        """By steps and by the first process's clock, whichever is further; the same in all processes."""
        config = self.config
        share = self.step / config.steps if config.steps else 0.0
        if config.minutes:
            spent_s = torch.tensor([time.monotonic() - self.started_s], device=self.accelerator.device)
            share = max(share, self.accelerator.gather(spent_s)[0].item() / (60 * config.minutes))
        return share

    def _set_learning_rate(self) -> None:
        config = self.config
        rise = min(1.0, (self.step + 1) / max(config.warmup_steps, 1))
        wave = 0.5 * (1 + math.cos(math.pi * min(self.progress, 1.0))) if config.schedule == "cosine" else 1.0
        rate = config.learning_rate * rise * (config.final_rate + (1 - config.final_rate) * wave)
        for group in (g for o in self.optimizers for g in o.param_groups):
            group["lr"] = rate

    @torch.no_grad()
    def _average(self) -> None:
        decay = min(self.config.ema, (1 + self.step) / (10 + self.step))
        for name, value in self.averaged.items():
            value.lerp_(self.trained[name], 1 - decay)

    def _resume(self, checkpoint: Checkpoint) -> float:
        """Put everything back; the seconds spent before."""
        facts = checkpoint.facts
        now = {
            "config": asdict(self.config),
            "data": self.task.data_digest,
            "model": self.task.model_digest,
            "processes": self.accelerator.num_processes,
        }
        # older checkpoints do not say of which model and how many processes they are
        there, wanted = (_what_it_depends_on(run) for run in ({**now, **facts}, now))
        refuse_another(self.out, there, wanted, "a run", "choose another option out, or put the options back")
        put_weights(self.trained, checkpoint.weights, self.out)
        for optimizer, state in zip(self.optimizers, checkpoint.optimizers):
            put_optimizer_state(optimizer, state)
        put_weights(self.averaged, checkpoint.averaged, self.out)
        if self.accelerator.scaler is not None and facts.get("scaler"):
            self.accelerator.scaler.load_state_dict(facts["scaler"])
        self.step, self.unlogged = checkpoint.step, facts["unlogged"]
        logger.info("going on from step %d", self.step)
        return facts["spent_s"]

    def _cut_log(self) -> None:
        """Cut the log back to the step that the run goes on from, and write down what the run is."""
        path = self.out / "log.jsonl"
        kept = [line for line in read_lines(path) if line["step"] <= self.step]
        write_whole(path, "".join(json.dumps(line) + "\n" for line in kept).encode())
        processes = self.accelerator.num_processes
        run = {"config": asdict(self.config), "data": self.task.data_digest, "processes": processes}
        write_whole(self.out / "run.json", json.dumps(run, indent=1).encode())

    def _log(self) -> dict[str, float]:
        """Write the means over the steps since the last line."""
        columns = {n: [losses[n] for losses in self.unlogged if n in losses] for n in self.task.weights}
        means = {n: sum(column) / len(column) for n, column in columns.items() if column}
        self.unlogged = []
        if self.accelerator.is_main_process:
            append_line(self.out / "log.jsonl", {"step": self.step, **means})
        self.accelerator.log(means, step=self.step)
        return means


def _check_surroundings(config: TrainConfig) -> None:
    """Refuse before anything is loaded what this machine cannot do.

    Raises:
        InputError: OUTPUT_INVALID, CONFIG_INVALID.
    """
    try:
        Path(config.out).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            ErrorCode.OUTPUT_INVALID, f"cannot write {config.out}: {error.strerror}", "choose another option out"
        ) from error
    trackers = [str(getattr(tracker, "value", tracker)) for tracker in get_available_trackers()]
    if config.tracker and config.tracker not in trackers:
        raise InputError(
            ErrorCode.CONFIG_INVALID,
            f"option tracker is {config.tracker!r}, which is not installed here",
            f"install it, or use one of those that are: {', '.join(trackers) or 'none'}",
        )
    for variable in ("ACCELERATE_USE_DEEPSPEED", "ACCELERATE_USE_MEGATRON_LM"):
        if os.environ.get(variable, "").lower() in ("1", "true", "yes", "on"):
            raise InputError(
                ErrorCode.CONFIG_INVALID,
                f"accelerate is to launch with {variable.removeprefix('ACCELERATE_USE_')}, which it cannot do here",
                "launch with --config_file config/training/fsdp.yaml to shard the base, or with --multi_gpu",
            )
    on_cpu = config.device == "cpu" or not torch.accelerator.is_available()
    if config.mixed_precision == "fp16" and on_cpu:
        raise InputError(
            ErrorCode.CONFIG_INVALID,
            "option mixed_precision is 'fp16', which a CPU cannot train in",
            "use no, or bf16 on a processor that computes in it",
        )


def _check_sharding(accelerator: Accelerator, task: Task) -> None:
    """Raises: InputError: CONFIG_INVALID when the model has none of the blocks by which it is to be sharded, or what is
    trained are the weights that would be.
    """
    plugin = getattr(accelerator.state, "fsdp_plugin", None)
    if plugin is not None and getattr(task, "merged", None) is not None:
        raise InputError(
            ErrorCode.CONFIG_INVALID, "option merged is true, but accelerate shards the base", "set it to false"
        )
    there = {type(module).__name__ for module in task.modules()}
    absent = [name for name in getattr(plugin, "transformer_cls_names_to_wrap", None) or () if name not in there]
    if absent:
        backbone = getattr(task, "backbone", None)
        own = "its blocks' class" if backbone is None else type(backbone.blocks[0]).__name__
        raise InputError(
            ErrorCode.CONFIG_INVALID,
            f"accelerate is to shard by {', '.join(absent)}, of which this model has none",
            f"set fsdp_transformer_layer_cls_to_wrap to {own}",
        )


def _what_it_depends_on(run: dict) -> dict:
    """What must be the same when a run goes on. Passes of several processes are as good as those of one."""
    kept = {key: value for key, value in run["config"].items() if key not in {*RESUMABLE_CHANGES, "accumulation"}}
    passes = run["config"]["accumulation"] * run["processes"]
    return {**kept, "data": run["data"], "model": run["model"], "accumulation (times processes)": passes}


def _trained(task: Task) -> dict[str, torch.nn.Parameter]:
    return {n: p for n, p in task.named_parameters() if p.requires_grad}


def _optimizers(task: Task, config: TrainConfig) -> list[torch.optim.Optimizer]:
    trained = _trained(task)
    muon = {n: p for n, p in trained.items() if config.optimizer == "muon" and task.is_matrix(n, p)}
    others = [p for n, p in trained.items() if n not in muon]
    found: list[torch.optim.Optimizer] = []
    if muon:
        digits = torch.bfloat16 if config.mixed_precision == "bf16" else torch.float32
        found.append(Muon(muon.values(), lr=config.learning_rate, dtype=digits))
    if others:
        betas = (0.9, config.adam_beta2)
        found.append(torch.optim.AdamW(others, config.learning_rate, betas, weight_decay=config.weight_decay))
    return found
