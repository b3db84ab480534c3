"""Everything a training run depends on, as YAML: see config/training/."""

from dataclasses import dataclass

from hoi_motion.errors import shown
from hoi_motion.files import with_home
from hoi_motion.options import check_options, from_mapping, option, read_yaml, section, with_assignments
from tavid_planner.errors import ErrorCode, InputError
from tavid_planner.video.attention import DIRECTIONS, REDUCTIONS
from tavid_planner.video.prompt import DEFAULT_TRIGGER
from training.objectives.mask_alignment import KINDS, MAPS
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
class GroundingConfig:
    """Attention to the words of subject, object and verb against their mask tracks (MATRIX, SGA)."""

    weight: float = option(0.0, "of the loss, 0 leaves it out", minimum=0)
    blocks: str = option("7,11", "supervised blocks, see training.objectives.block_choice")
    direction: str = option("v2t", "queries: video (v2t) or the words (t2v)", choices=DIRECTIONS)

    def __post_init__(self):
        check_options(self, "alignment.grounding.")


@dataclass(frozen=True)
class PropagationConfig:
    """Where subject and object of the first frame look in the video against their mask tracks (MATRIX, SPA)."""

    weight: float = option(0.0, "of the loss, 0 leaves it out", minimum=0)
    blocks: str = option("12", "supervised blocks, see training.objectives.block_choice")

    def __post_init__(self):
        check_options(self, "alignment.propagation.")


@dataclass(frozen=True)
class AlignmentConfig:
    """What MATRIX adds to a training: grounding of words (SGA) and propagation of instances (SPA)."""

    grounding: GroundingConfig = section(GroundingConfig)
    propagation: PropagationConfig = section(PropagationConfig)
    maps: str = option(
        "attention", "what is aligned; products: of queries and keys, as the published code has it", choices=MAPS
    )
    kind: str = option("paper", "of the loss of a map; bce: as the published code has it", choices=KINDS)
    bce: float = option(1.0, "share of cross entropy", minimum=0)
    dice: float = option(1.0, "share of soft Dice", minimum=0)
    l2: float = option(1.0, "share of the squared error", minimum=0)
    shared_decoder: bool = option(False, "one decoder for both losses, as the published code has it")
    decoder_channels: int = option(32, "of the decoder's first stage", minimum=8)
    lora_blocks: str = option(
        "all", "blocks that get LoRA: all, or those the losses supervise", choices=("all", "supervised")
    )

    def __post_init__(self):
        check_options(self, "alignment.")


@dataclass(frozen=True)
class ValidationConfig:
    every: int = option(0, "steps between two validations, 0 for none", minimum=0)
    clips: int = option(2, "clips that are looked at", minimum=1)
    num_inference_steps: int = option(20, "denoising steps of a generated clip", minimum=1)
    guidance_scale: float = option(1.0, "classifier-free guidance on the text, 1 is none", minimum=1)

    def __post_init__(self):
        check_options(self, "validation.")


@dataclass(frozen=True)
class TrainConfig:
    """What every kind of training has."""

    out: str = option("runs/new", "folder of the run; a run that is there already goes on")
    init: str = option("", "what to start from, depending on the task; empty: from nothing")
    steps: int = option(4000, "optimizer steps; 0: as many as fit into the minutes", minimum=0)
    minutes: float = option(0.0, "the run ends after this time too, stops not counted; 0: no limit", minimum=0)
    batch_size: int = option(1, "clips a process and pass", minimum=1)
    accumulation: int = option(1, "passes a step", minimum=1)
    optimizer: str = option("adamw", "muon orthogonalises the updates of matrices", choices=("adamw", "muon"))
    learning_rate: float = option(1e-4, "peak learning rate", minimum=0)
    adam_beta2: float = option(0.95, "decay of AdamW's second moment", minimum=0, maximum=0.99999)
    weight_decay: float = option(1e-4, "of AdamW", minimum=0)
    warmup_steps: int = option(100, "steps of linear rise", minimum=0)
    schedule: str = option("cosine", "after the rise, over steps or minutes", choices=("constant", "cosine"))
    final_rate: float = option(0.0, "share of the peak learning rate at the end of the cosine", minimum=0, maximum=1)
    clip_gradient: float = option(1.0, "largest norm of the gradient", minimum=0)
    ema: float = option(0.0, "decay of the averaged weights that are saved, 0 for none", minimum=0, maximum=0.99999)
    mixed_precision: str = option("no", "arithmetic", choices=("no", "bf16", "fp16"))
    validation: ValidationConfig = section(ValidationConfig)
    log_every: int = option(10, "steps between two lines of the log, which are means over them", minimum=1)
    save_every: int = option(250, "steps between two checkpoints", minimum=1)
    tracker: str = option("", "tensorboard or wandb, through accelerate; empty for none")
    device: str = option("auto", "torch device", choices=("auto", "cpu"))
    seed: int = option(0, "of weights, batches and noise", minimum=0, maximum=2**62)

    def __post_init__(self):
        check_options(self)
        for name in ("out", "init", "base", "cache", "latents", "clips", "vae"):
            if getattr(self, name, "").startswith("~"):
                object.__setattr__(self, name, str(with_home(getattr(self, name))))
        for name in ("out", "base", "cache", "latents", "clips"):
            if not getattr(self, name, name).strip():  # which would be the current folder
                raise InputError(ErrorCode.CONFIG_INVALID, f"option {name} is empty", "give a folder, or leave it out")
        if not self.steps and not self.minutes:
            raise InputError(ErrorCode.CONFIG_INVALID, "options steps and minutes are both 0", "give one of them")


@dataclass(frozen=True)
class DiffusionConfig(TrainConfig):
    """What both trainings of a transformer have."""

    trigger: str = option(DEFAULT_TRIGGER, "the word that stands for [TGT]")
    rank: int = option(128, "of the LoRA on q, k, v and out", minimum=1)
    alpha: int = option(64, "of the LoRA", minimum=1)
    gradient_checkpointing: bool = option(False, "recompute activations: slower, much less memory")
    text_dropout: float = option(0.1, "share of clips trained without text, for guidance", minimum=0, maximum=1)
    image_dropout: float = option(0.05, "share of clips trained without the first frame", minimum=0, maximum=1)
    moving_weight: float = option(0.0, "extra weight of latent cells that change", minimum=0)
    object_weight: float = option(
        0.0, "extra weight of latent cells in which the object that is acted on is; needs mask tracks", minimum=0
    )
    noise_power: float = option(1.0, "1 draws timesteps uniformly, 2 favours noisy ones", minimum=0.1)
    pair_weight: float = option(0.0, "of an adapter's loss on what differs between the clips of a pair", minimum=0)
    attention: AttentionLossConfig = section(AttentionLossConfig)
    alignment: AlignmentConfig = section(AlignmentConfig)

    def __post_init__(self):
        super().__post_init__()
        alignment = self.alignment
        if self.text_dropout == 1 and (
            self.attention.weight or alignment.grounding.weight or alignment.propagation.weight
        ):
            raise InputError(
                ErrorCode.CONFIG_INVALID,
                "option text_dropout is 1, but a clip without its text takes no part in the losses on attention",
                "lower it, or set attention.weight, alignment.grounding.weight and alignment.propagation.weight to 0",
            )


@dataclass(frozen=True)
class AdapterConfig(DiffusionConfig):
    """A target-aware adapter; `init` is an adapter folder."""

    base: str = option("models/tavid-mini", "image-to-video model that stays frozen: a folder or a hub id")
    cache: str = option("runs/cache", "encoded clips, see training.data.cache")
    conditioning: str = option(
        "mask", "how marked instances come in: the target's mask, or all in colours", choices=("mask", "id_map")
    )
    lora_layers: str = option(
        "attention",
        "layers of a block that get LoRA: its attention, or its feed-forward layers, too",
        choices=("attention", "all"),
    )
    merged: bool = option(
        False, "train the weights under the LoRA, which is how they change: faster where they are not much larger"
    )
    own_inputs: float = option(
        0.0, "share of the steps that see what the model's own denoising gives, not noisy clips", minimum=0, maximum=1
    )
    own_steps: int = option(4, "denoising steps of these", minimum=1)


@dataclass(frozen=True)
class FewStepsConfig(AdapterConfig):
    """A LoRA for fewer denoising steps; `init` is the adapter it goes with, empty for the base alone."""

    student_steps: int = option(2, "denoising steps that the LoRA is for", minimum=1)
    teacher_steps: int = option(4, "denoising steps of the model it learns from, a multiple", minimum=2)
    teacher_guidance: float = option(1.0, "of that model on the text; the LoRA does without, 1 is none", minimum=1)
    image_dropout: float = option(0.0, "0: the teacher always sees the first frame", minimum=0, maximum=1)

    def __post_init__(self):
        super().__post_init__()
        for name, value, only in (
            ("image_dropout", self.image_dropout, 0),
            ("noise_power", self.noise_power, 1),
            ("own_inputs", self.own_inputs, 0),
            ("alignment.lora_blocks", self.alignment.lora_blocks, "all"),
        ):
            if value != only:
                raise InputError(
                    ErrorCode.CONFIG_INVALID,
                    f"option {name} is {value}, but a LoRA for few steps sees what its teacher sees, at the student's "
                    "steps, in all blocks",
                    f"set it to {only}, or leave it out",
                )
        if self.teacher_steps % self.student_steps or self.teacher_steps == self.student_steps:
            raise InputError(
                ErrorCode.CONFIG_INVALID,
                f"option teacher_steps is {self.teacher_steps}, expected a multiple of student_steps "
                f"({self.student_steps}), and more than it",
            )
        if self.merged:
            raise InputError(
                ErrorCode.CONFIG_INVALID,
                "option merged is true, but a LoRA for few steps needs its teacher's weights as they are",
                "set it to false",
            )
        alignment = self.alignment
        if self.pair_weight or self.attention.weight or alignment.grounding.weight or alignment.propagation.weight:
            raise InputError(
                ErrorCode.CONFIG_INVALID,
                "a LoRA for few steps learns from its teacher alone, not from attention losses or pairs",
                "set pair_weight, attention.weight, alignment.grounding.weight and alignment.propagation.weight to 0",
            )


@dataclass(frozen=True)
class BaseConfig(DiffusionConfig):
    """A small text encoder and transformer from nothing; `init`: see training.checkpoints.start_weights."""

    latents: str = option("runs/latents", "encoded clips, see training.data.latents")
    vae: str = option("", "model folder whose VAE decodes validation videos; only needed for these")
    mask_share: float = option(0.0, "share of the clips that have a mask", minimum=0, maximum=1)
    layers: int = option(8, "of the transformer", minimum=1)
    heads: int = option(6, "of its attention", minimum=1)
    head_dim: int = option(32, "channels of a head", minimum=8)
    patch_size: int = option(2, "latent pixels a token is wide and high", minimum=1)
    text_length: int = option(32, "text tokens", minimum=4)
    prediction: str = option("v_prediction", "of the transformer", choices=("v_prediction", "sample"))

    def __post_init__(self):
        super().__post_init__()
        if self.pair_weight:
            raise InputError(
                ErrorCode.CONFIG_INVALID,
                f"option pair_weight is {self.pair_weight:g}, but only an adapter's training knows pairs of clips",
                "set it to 0",
            )


@dataclass(frozen=True)
class VaeConfig(TrainConfig):
    """A small VAE from nothing; `init`: see training.checkpoints.start_weights."""

    clips: str = option("runs/scenes", "folder of procedural scenes, or the word shapes")
    frames: int = option(9, "of a training window", minimum=1)
    height: int = option(64, "of a training window", minimum=8, unit="px")
    width: int = option(64, "of a training window", minimum=8, unit="px")
    cell_px: int = option(8, "pixels a latent pixel is wide and high", choices=(4, 8))
    latent_channels: int = option(16, "of the latents", minimum=1)
    kl_weight: float = option(1e-6, "of the divergence of the latents from a normal distribution", minimum=0)
    latent_noise: float = option(0.0, "most noise on the latents, a share of their standard deviation", minimum=0)
    probe_weight: float = option(1.0, "of the loss of a linear probe of the latents", minimum=0)
    decoder_only: bool = option(False, "keep the latents: train the decoder alone")
    own_latents: str = option("", "of the clips, by training.data.own_latents: what the decoder is trained to decode")
    true_share: float = option(0.25, "of windows whose latents are true ones beside them", minimum=0, maximum=1)
    adversary: float = option(0.0, "how strongly an adversary pushes the output, of the reconstruction", minimum=0)

    def __post_init__(self):
        super().__post_init__()
        if self.frames % 8 != 1:  # the decoder gives 8 frames for 2 latent ones
            raise InputError(
                ErrorCode.CONFIG_INVALID, f"option frames is {self.frames}, expected 1 more than a multiple of 8"
            )
        if self.own_latents and not self.decoder_only:
            raise InputError(
                ErrorCode.CONFIG_INVALID,
                "option own_latents is given, but decoder_only is false: an encoder that changed would not make them",
            )
        for name, side_px in (("height", self.height), ("width", self.width)):
            if side_px % self.cell_px:
                raise InputError(
                    ErrorCode.CONFIG_INVALID, f"option {name} is {side_px}, expected a multiple of {self.cell_px} px"
                )


TASKS = {"adapter": AdapterConfig, "few_steps": FewStepsConfig, "base": BaseConfig, "vae": VaeConfig}


def load_training_config(path, assignments: list[str] = ()) -> TrainConfig:
    """A run's YAML file, with options changed by texts such as "attention.weight=0".

    The option `task` says what is trained and so which other options there are: adapter (the default),
    few_steps, base or vae.

    Raises:
        InputError: CONFIG_INVALID; an unknown option lists the valid names.
    """
    data = with_assignments(read_yaml(path), assignments)
    task = data.pop("task", "adapter")
    if not isinstance(task, str) or task not in TASKS:
        raise InputError(ErrorCode.CONFIG_INVALID, f"option task is {shown(task)}, expected one of {', '.join(TASKS)}")
    return from_mapping(TASKS[task], data)
