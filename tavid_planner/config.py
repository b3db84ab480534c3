"""One tree of config dataclasses; YAML profiles, CLI options and ROS parameters are generated from it."""

from dataclasses import dataclass
from pathlib import Path

from hoi_motion.files import with_home
from hoi_motion.lift.config import LiftConfig
from hoi_motion.options import (
    check_options,
    flat_options,
    from_mapping,
    option,
    read_yaml,
    section,
    to_mapping,
    with_assignments,
)
from hoi_motion.physics.config import CheckConfig
from tavid_planner.errors import ErrorCode, InputError
from tavid_planner.robot_stage import RobotStageConfig

MACHINE_OPTIONS = (
    "device",
    "memory",
    "weights",
    "vae_tiling",
    "attention",
    "compiled",
    "samples_at_once",
    "decode_beside",
)
"""Options of the video that say how a machine computes it, not what is made."""


@dataclass(frozen=True)
class VideoConfig:
    """Options of the video model."""

    base: str = option("models/tavid-mini", "image-to-video model, CogVideoX or Wan: a folder or a hub id")
    adapter: str = option("models/tavid-mini/adapter", "target-aware adapter: a folder or a hub id; empty: none")
    lora_alpha: float = option(0.0, "alpha of the adapter's LoRA; 0: as stated in its files", minimum=0, maximum=100000)
    loras: str = option("", "more LoRAs, NAME=FOLDER_FILE_OR_ID@WEIGHT separated by commas, such as style=a/b@0.8")
    fuse: bool = option(
        False, "merge adapter and LoRAs into the weights: faster, but they cannot be switched off again"
    )
    device: str = option(
        "auto", "torch device; auto takes a GPU if there is one", choices=("auto", "cpu", "cuda", "mps")
    )
    dtype: str = option("float32", "arithmetic", choices=("float32", "bfloat16", "float16"))
    memory: str = option(
        "resident",
        "where weights are: resident (on the device); model, group or sequential (on the CPU until a model, a block "
        "or a layer is needed); auto: the fastest that fits",
        choices=("auto", "resident", "model", "group", "sequential"),
    )
    weights: str = option(
        "full",
        "storage of the large matrices: full, or fp8 or int8 (needs the extra int8), converted to dtype to compute",
        choices=("full", "fp8", "int8"),
    )
    vae_tiling: bool = option(False, "decode the video in tiles: less memory, a little slower")
    scheduler: str = option(
        "ddim", "sampler: dpm or ddim for CogVideoX, unipc or euler for Wan", choices=("dpm", "ddim", "unipc", "euler")
    )
    height: int = option(96, "model frame height", minimum=16, maximum=2048, unit="px")
    width: int = option(144, "model frame width", minimum=16, maximum=2048, unit="px")
    num_frames: int = option(17, "frames in the clip", minimum=5, maximum=512)
    fps: float = option(8.0, "frames per second", minimum=1, maximum=120)
    num_inference_steps: int = option(4, "denoising steps", minimum=1, maximum=1000)
    guidance_scale: float = option(1.0, "classifier-free guidance on the text, 1 is none", minimum=1, maximum=50)
    guidance: str = option("static", "guidance schedule", choices=("static", "released", "step_index"))
    contrast: float = option(
        1.0,
        "guidance away from what the picture would become if another person acted, where several instances are "
        "marked; 1 is none",
        minimum=1,
        maximum=50,
    )
    contrast_steps: int = option(1, "denoising steps, from the first on, with that guidance", minimum=1, maximum=1000)
    step_cache: str = option(
        "none",
        "skip blocks whose output hardly changes from step to step; not while attention is captured",
        choices=("none", "first_block"),
    )
    step_cache_threshold: float = option(
        0.05, "change of the first block up to which first_block skips the others", minimum=0, maximum=1
    )
    speed_adapter: str = option(
        "", "LoRA distilled to few steps: a folder, a file or a hub id; with it the next two options apply"
    )
    speed_steps: int = option(4, "denoising steps with a speed adapter, without guidance", minimum=1, maximum=100)
    speed_scheduler: str = option(
        "", "sampler with a speed adapter; empty: scheduler", choices=("", "dpm", "ddim", "unipc", "euler")
    )
    attention: str = option(
        "torch",
        "attention kernel: torch (its own choice), one of PyTorch's (math, efficient, cudnn, flex), "
        "or an installed package (flash, sage, xformers)",
        choices=("torch", "math", "efficient", "cudnn", "flex", "flash", "sage", "xformers"),
    )
    compiled: bool = option(
        False,
        "compile the transformer's blocks: the first plan takes longer; captured blocks are not compiled",
    )
    mask_reduction: str = option("area", "how the mask is reduced to latent size", choices=("area", "nearest"))
    capture_attention: bool = option(True, "record the video's attention to the target word")
    samples_at_once: int = option(
        1, "samples of a request that are denoised in one batch; 0: as many as fit into memory", minimum=0, maximum=64
    )
    mirrored: bool = option(
        False, "generate samples with an odd seed from the mirrored picture and mirror them back: more variety"
    )
    decode_beside: bool = option(False, "decode a sample while the next one is denoised; takes the memory of both")
    early_steps: int = option(
        0,
        "denoising steps after which the samples that attend least to the target stop; 0: all continue",
        minimum=0,
        maximum=1000,
    )
    early_keep: float = option(
        0.5, "share of a request's samples that then continues, at least one", minimum=0, maximum=1
    )
    early_blocks: str = option("", "transformer blocks whose attention decides, such as 3,5; empty: the captured ones")
    early_again: bool = option(True, "resume the stopped samples when none of the others is good")

    def __post_init__(self):
        check_options(self, "video.")
        if self.step_cache != "none":
            one = "turn one of them off"
            for name, hint in (("capture_attention", "set it to false"), ("speed_adapter", one), ("compiled", one)):
                if getattr(self, name):
                    raise InputError(
                        ErrorCode.CONFIG_INVALID, f"video.step_cache and video.{name} cannot be combined", hint
                    )
            if self.samples_at_once != 1:
                raise InputError(
                    ErrorCode.CONFIG_INVALID,
                    f"video.step_cache and video.samples_at_once={self.samples_at_once} cannot be combined: a batch "
                    "skips its blocks together, so that samples would change each other",
                    "set video.samples_at_once to 1, or video.step_cache to none",
                )
        for name in ("compiled", "decode_beside"):
            if getattr(self, name) and self.memory not in ("resident", "auto"):
                raise InputError(
                    ErrorCode.CONFIG_INVALID,
                    f"video.{name} cannot be combined with video.memory={self.memory}",
                    f"use video.memory=resident, or video.{name}=false",
                )
        self._check_early()

    def _check_early(self) -> None:
        if not all(number.strip().isdecimal() for number in self.early_blocks.split(",") if self.early_blocks):
            raise InputError(
                ErrorCode.CONFIG_INVALID,
                f"video.early_blocks is {self.early_blocks!r}",
                "give block numbers separated by commas, such as 3,5",
            )
        if not self.early_steps:
            return
        if not self.capture_attention:
            raise InputError(
                ErrorCode.CONFIG_INVALID,
                f"video.early_steps is {self.early_steps}, but attention is not captured",
                "set video.capture_attention=true, or video.early_steps=0",
            )
        if self.early_steps >= self.sampling.steps:
            raise InputError(
                ErrorCode.CONFIG_INVALID,
                f"video.early_steps is {self.early_steps} of {self.sampling.steps} denoising steps",
                f"give 1 to {self.sampling.steps - 1}, or 0 to let all samples continue",
            )

    @property
    def early_block_numbers(self) -> tuple[int, ...]:
        """`early_blocks` as numbers."""
        return tuple(int(number) for number in self.early_blocks.split(",") if number.strip())

    @property
    def sampling(self) -> "Sampling":
        """Sampling settings: from the options, or as a speed adapter requires."""
        if not self.speed_adapter:
            return Sampling(self.scheduler, self.num_inference_steps, self.guidance_scale)
        return Sampling(self.speed_scheduler or self.scheduler, self.speed_steps, 1.0)


@dataclass(frozen=True)
class Sampling:
    """How a video is denoised."""

    scheduler: str
    steps: int
    guidance_scale: float


@dataclass(frozen=True)
class BundleConfig:
    """Files written in addition to the plan itself."""

    film: bool = option(True, "draw film.mp4, the plan from two viewpoints; takes most of the time of saving")


@dataclass(frozen=True)
class PlanLiftConfig(LiftConfig):
    """The lift in a plan: what it makes is to be carried out, so hidden legs step."""

    steps: bool = option(True, "legs that nobody sees step: what is carried out must walk; false: they glide along")


@dataclass(frozen=True)
class PlannerConfig:
    """A profile: everything a plan depends on besides the request."""

    name: str = option("mini", "name of the profile", read_only=True)
    video: VideoConfig = section(VideoConfig)
    lift: PlanLiftConfig = section(PlanLiftConfig)
    check: CheckConfig = section(CheckConfig)
    robot: RobotStageConfig = section(RobotStageConfig)
    bundle: BundleConfig = section(BundleConfig)

    def __post_init__(self):
        check_options(self)


def load_profile(name_or_path: str) -> PlannerConfig:
    """A profile by name (a file in `config/profiles`) or by the path of a YAML file.

    Raises:
        InputError: CONFIG_INVALID; an unknown name lists the valid ones.
    """
    path = with_home(name_or_path)
    if path.suffix not in (".yaml", ".yml"):
        path = profiles_folder() / f"{name_or_path}.yaml"
        if not path.is_file():
            raise InputError(
                ErrorCode.CONFIG_INVALID,
                f"unknown profile {name_or_path!r}",
                f"valid names: {', '.join(profile_names())}, or the path of a YAML file",
            )
    return from_mapping(PlannerConfig, read_yaml(path))


def profile_names() -> list[str]:
    return sorted(p.stem for p in profiles_folder().glob("*.yaml"))


def profiles_folder() -> Path:
    return share_folder() / "config" / "profiles"


def share_folder() -> Path:
    """Folder that holds config/ and models/: the checkout, or share/tavid_planner of an installation."""
    checkout = Path(__file__).resolve().parent.parent
    if (checkout / "config" / "profiles").is_dir():
        return checkout
    import sysconfig

    installed = Path(sysconfig.get_path("data")) / "share" / "tavid_planner"
    if installed.is_dir():
        return installed
    # colcon installs under a prefix of its own: <prefix>/lib/pythonX/site-packages/tavid_planner
    for parent in Path(__file__).resolve().parents:
        if (parent / "share" / "tavid_planner" / "config").is_dir():
            return parent / "share" / "tavid_planner"
    raise InputError(
        ErrorCode.CONFIG_INVALID, "the config folder of tavid_planner is missing", "install the package again"
    )


def resolve_model(path: str) -> str:
    """A model path unchanged if it exists or is a hub id, else relative to the share folder; `~` is the home folder.

    Raises:
        InputError: CONFIG_INVALID for the home of a user who is not known here.
    """
    if path.startswith("~"):
        return str(with_home(path))
    if not path or Path(path).exists():
        return path
    shared = share_folder() / path
    return str(shared) if shared.exists() else path


def with_options(config: PlannerConfig, assignments: list[str]) -> PlannerConfig:
    """The profile with options changed by strings such as "video.num_frames=9".

    Raises:
        InputError: CONFIG_INVALID; an unknown option lists the valid names.
    """
    return from_mapping(PlannerConfig, with_assignments(to_mapping(config), assignments))


def with_operators_options(config: PlannerConfig, own: PlannerConfig, current: PlannerConfig) -> PlannerConfig:
    """A profile that a request names, with what the operator has changed of the node's own one.

    How a machine computes, and what lift, check, robot and bundle do on it, is the operator's; which model makes the
    video, and how, is the profile's.

    Args:
        own: the node's profile; current: the same with the operator's values.

    Raises:
        InputError: CONFIG_INVALID where the profile's options and the operator's exclude each other.
    """
    before, now = ({name: value for name, value, _ in flat_options(one)} for one in (own, current))
    changed = [name for name, value in now.items() if value != before[name] and _is_operators(name)]
    mapping = to_mapping(config)
    for name in changed:
        *sections, option_name = name.split(".")
        target = mapping
        for section_name in sections:
            target = target[section_name]
        target[option_name] = now[name]
    return from_mapping(PlannerConfig, mapping)


def _is_operators(name: str) -> bool:
    part, _, rest = name.partition(".")
    return part != "name" and (part != "video" or rest in MACHINE_OPTIONS)


def option_help(config: PlannerConfig) -> str:
    """Every option with its value in this profile, its range and its meaning, one per line."""
    lines = []
    for name, value, f in flat_options(config):
        if f.metadata["read_only"]:
            continue
        meta = f.metadata
        allowed = "|".join(map(str, meta["choices"])) if meta["choices"] else ""
        if meta["minimum"] is not None or meta["maximum"] is not None:
            low, high = (("" if bound is None else f"{bound:g}") for bound in (meta["minimum"], meta["maximum"]))
            allowed = f"{low}..{high} {meta['unit']}".strip()
        shown = "" if value == "" else f" = {value}"
        lines.append(f"  {name}{shown}{f' [{allowed}]' if allowed else ''}: {meta['description']}")
    return "\n".join(lines)
