"""Everything a training run of an adapter depends on, as YAML: see config/training/."""

from dataclasses import dataclass
from pathlib import Path

import yaml

from hoi_motion.options import check_options, from_mapping, option, section
from tavid_planner.errors import ErrorCode, InputError
from tavid_planner.video.attention import DIRECTIONS, REDUCTIONS
from tavid_planner.video.prompt import DEFAULT_TRIGGER
from training.objectives.target_attention import NORMALISATIONS


@dataclass(frozen=True)
class AttentionLossConfig:
    weight: float = option(0.1, "lambda of the attention loss, 0 leaves it out", minimum=0)
    blocks: str = option("7 of 5-23", "supervised blocks, see training.objectives.block_choice")
    direction: str = option("v2t", "queries: video (v2t) or the target word (t2v)", choices=DIRECTIONS)
    heads: str = option("mean", "compare the mean over heads, or every head (none)", choices=REDUCTIONS)
    normalisation: str = option("raw", "of a map before the comparison", choices=NORMALISATIONS)

    def __post_init__(self):
        check_options(self, "attention.")


@dataclass(frozen=True)
class ValidationConfig:
    every: int = option(0, "steps between two validations, 0 for none", minimum=0)
    clips: int = option(2, "clips of the cache to generate from, from its end", minimum=1)
    num_inference_steps: int = option(20, "denoising steps", minimum=1)
    guidance_scale: float = option(1.0, "classifier-free guidance on the text, 1 is none", minimum=1)

    def __post_init__(self):
        check_options(self, "validation.")


@dataclass(frozen=True)
class TrainConfig:
    base: str = option("models/tavid-mini", "CogVideoX image-to-video model that stays frozen: a folder or a hub id")
    init: str = option("", "adapter folder to start from; empty: from nothing")
    cache: str = option("runs/cache", "encoded clips, see training.data.cache")
    out: str = option("runs/adapter", "folder of the run; a run that is there already goes on")
    steps: int = option(4000, "optimizer steps", minimum=1)
    batch_size: int = option(1, "clips a process and pass", minimum=1)
    accumulation: int = option(1, "passes a step", minimum=1)
    rank: int = option(128, "of the LoRA on q, k, v and out", minimum=1)
    alpha: int = option(64, "of the LoRA", minimum=1)
    trigger: str = option(DEFAULT_TRIGGER, "the word that stands for [TGT]; the cache must have the same")
    optimizer: str = option("adamw", "muon orthogonalises the updates of matrices", choices=("adamw", "muon"))
    learning_rate: float = option(1e-4, "peak learning rate", minimum=0)
    warmup_steps: int = option(100, "steps of linear rise", minimum=0)
    schedule: str = option("cosine", "after the rise", choices=("constant", "cosine"))
    clip_gradient: float = option(1.0, "largest norm of the gradient", minimum=0)
    ema: float = option(0.0, "decay of the averaged weights that are saved, 0 for none", minimum=0, maximum=0.99999)
    mixed_precision: str = option("no", "arithmetic", choices=("no", "bf16", "fp16"))
    gradient_checkpointing: bool = option(False, "recompute activations: slower, much less memory")
    text_dropout: float = option(0.1, "share of clips trained without text, for guidance", minimum=0, maximum=1)
    image_dropout: float = option(0.05, "share of clips trained without the first frame", minimum=0, maximum=1)
    moving_weight: float = option(0.0, "extra weight of latent cells that change", minimum=0)
    attention: AttentionLossConfig = section(AttentionLossConfig)
    validation: ValidationConfig = section(ValidationConfig)
    log_every: int = option(10, "steps between two lines of the log", minimum=1)
    save_every: int = option(250, "steps between two checkpoints", minimum=1)
    tracker: str = option("", "tensorboard or wandb, through accelerate; empty for none")
    device: str = option("auto", "torch device", choices=("auto", "cpu"))
    seed: int = option(0, "of weights, batches and noise", minimum=0)

    def __post_init__(self):
        check_options(self)


def load_training_config(path, assignments: list[str] = ()) -> TrainConfig:
    """A run's YAML file, with options changed by texts such as "attention.weight=0".

    Raises:
        InputError: CONFIG_INVALID; an unknown option lists the valid names.
    """
    try:
        data = yaml.safe_load(Path(path).read_text()) or {}
    except OSError as error:
        raise InputError(ErrorCode.CONFIG_INVALID, f"cannot read {path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(ErrorCode.CONFIG_INVALID, f"{path} is not YAML: {error}") from error
    if not isinstance(data, dict):
        raise InputError(ErrorCode.CONFIG_INVALID, f"{path} holds no named options")
    for text in assignments:
        name, equals, value = text.partition("=")
        *sections, last = name.strip().split(".")
        if not equals:
            raise InputError(ErrorCode.CONFIG_INVALID, f"option {text!r} has no value", "write it as option=value")
        place = data
        for part in sections:
            place = place.setdefault(part, {})
        place[last] = yaml.safe_load(value) if value.strip() else ""
    return from_mapping(TrainConfig, data)
