"""InteractionRequest: the planner's input, validated when it is made."""

import math
import re
from dataclasses import dataclass

import numpy as np

from hoi_motion.arrays import given_array, odd_character
from hoi_motion.camera import GIVEN, checked_source, intrinsics_of_picture
from hoi_motion.errors import shown
from hoi_motion.lift.known_scene import KnownScene
from hoi_motion.masks import checked_depth, checked_mask
from tavid_planner.errors import ErrorCode, InputError
from tavid_planner.instances import ACTOR, OTHER, TARGET, Instance, checked_instances

MIN_SIZE_PX = 16
MAX_SIZE_PX = 8192
MAX_INSTRUCTION = 1000
MAX_SAMPLES = 64
TARGET_TOKEN = "[TGT]"
LIKE_TARGET_TOKEN = re.compile(r"\[\s*(tgt|target)\s*\]|[({<]\s*tgt\s*[)}>]|[{<]\s*target\s*[}>]", re.IGNORECASE)
"""What is meant for the token, and would be read as a word."""
APPENDED_SENTENCE = "The person interacts with [TGT] object."


@dataclass(frozen=True)
class InteractionRequest:
    """A camera frame, the mask of ONE object and what should happen with it.

    Attributes:
        rgb: (H, W, 3) uint8.
        target_mask: (H, W) bool, true on the target's visible pixels.
        instruction: a sentence; `[TGT]` comes before the target's noun.
        actor_mask: (H, W) bool, the person who acts, or None.
        intrinsics: (3, 3) pixels, or None when unknown; intrinsics_source: where they are from, `camera.GIVEN` or
            `camera.OF_PHOTO`.
        depth_m: (H, W) float32 metres along the optical axis, 0 where unknown, or None; NaN, infinite and non-positive
            input is unknown.
        seed: 0 <= seed < 2**63; the same request and seed give the same plan.
        samples: how many videos are generated; the best one is kept.
        target_source: where the target mask is from: "mask" if it was given, else how it was found.
        instances: everything that is marked, with name and role, in the order of their IDs: target, actor, others.
            If empty, made from target_mask and actor_mask; `of_instances` does the reverse.
        known: further knowledge of camera and room, or None: gravity, the heights of support and floor.
        robot: name of the robot that should do it; empty for the profile's, if it names one.
        robot_start_rad: joint -> where it stands at the beginning, rad (metres where it slides), all joints of an arm;
            None for the profile's `robot.start`.

    Raises:
        InputError: a 1xx code; the message names the field and the wrong value.
    """

    rgb: np.ndarray  # (H, W, 3)
    target_mask: np.ndarray  # (H, W)
    instruction: str
    actor_mask: np.ndarray | None = None  # (H, W)
    intrinsics: np.ndarray | None = None  # (3, 3)
    depth_m: np.ndarray | None = None  # (H, W)
    seed: int = 0
    samples: int = 1
    target_source: str = "mask"
    instances: tuple[Instance, ...] = ()
    robot: str = ""
    known: KnownScene | None = None
    robot_start_rad: dict[str, float] | None = None
    intrinsics_source: str = GIVEN

    @classmethod
    def of_instances(cls, rgb: np.ndarray, instances, instruction: str, **fields) -> "InteractionRequest":
        """A request with several marked instances: one target, optionally the actor, others.

        Raises:
            InputError: see `instances.checked_instances`, and those of the request.
        """
        instances = checked_instances(instances, given_array(rgb, "image", ErrorCode.IMAGE_INVALID).shape[:2])
        masks = {instance.role: instance.mask for instance in instances if instance.role != OTHER}
        return cls(rgb, masks[TARGET], instruction, actor_mask=masks.get(ACTOR), instances=instances, **fields)

    def __post_init__(self):
        rgb = checked_rgb(self.rgb)
        height, width = rgb.shape[:2]
        if not (MIN_SIZE_PX <= min(height, width) and max(height, width) <= MAX_SIZE_PX):
            raise InputError(
                ErrorCode.IMAGE_INVALID,
                f"image is {width}x{height} pixels",
                f"each side must have {MIN_SIZE_PX} to {MAX_SIZE_PX} pixels",
            )
        self._set("rgb", rgb)
        self._set("target_mask", checked_mask(self.target_mask, (height, width), "target mask"))
        if self.actor_mask is not None:
            self._set("actor_mask", checked_mask(self.actor_mask, (height, width), "actor mask"))
        self._set_instances((height, width))
        if self.intrinsics is not None:
            object.__setattr__(self, "intrinsics", intrinsics_of_picture(self.intrinsics, (height, width)))
        checked_source(self.intrinsics_source)
        if self.depth_m is not None:
            self._set("depth_m", checked_depth(self.depth_m, (height, width)))
        object.__setattr__(self, "instruction", checked_instruction(self.instruction))
        object.__setattr__(self, "seed", checked_seed(self.seed))
        object.__setattr__(self, "samples", checked_samples(self.samples))
        for joint, value in (self.robot_start_rad or {}).items():
            if not (isinstance(joint, str) and isinstance(value, int | float) and math.isfinite(value)):
                told = f"robot_start_rad of {shown(joint)} is {shown(value)}"
                raise InputError(ErrorCode.CONFIG_INVALID, told, "joint: rad, or metres where it slides")

    def _set_instances(self, size_px: tuple[int, int]) -> None:
        given = {TARGET: self.target_mask, ACTOR: self.actor_mask}
        if not self.instances:
            made = tuple(Instance(role, role, mask) for role, mask in given.items() if mask is not None)
            object.__setattr__(self, "instances", made)
            return
        instances = checked_instances(self.instances, size_px)
        object.__setattr__(self, "instances", instances)
        for role, mask in given.items():
            marked = next((instance.mask for instance in instances if instance.role == role), None)
            if (marked is None) != (mask is None) or not (mask is None or np.array_equal(marked, mask)):
                raise InputError(
                    ErrorCode.MASK_INVALID,
                    f"the {role} mask is not that of the instance with the role {role}",
                    "make the request with InteractionRequest.of_instances",
                )

    def _set(self, name: str, array: np.ndarray) -> None:
        array = np.array(array)
        array.setflags(write=False)
        object.__setattr__(self, name, array)

    @property
    def size_px(self) -> tuple[int, int]:
        """(height, width)."""
        height, width = self.rgb.shape[:2]
        return height, width

    @property
    def prompt(self) -> str:
        """The instruction, with the training sentence appended when it does not name `[TGT]`."""
        if TARGET_TOKEN in self.instruction:
            return self.instruction
        return f"{self.instruction.rstrip('. ')}. {APPENDED_SENTENCE}"

    @property
    def sentence_appended(self) -> bool:
        return TARGET_TOKEN not in self.instruction


def checked_rgb(rgb) -> np.ndarray:  # (H, W, 3) uint8
    """Raises: InputError: IMAGE_INVALID for anything but an RGB image with 8 bits per channel."""
    rgb = given_array(rgb, "image", ErrorCode.IMAGE_INVALID)
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8:
        raise InputError(
            ErrorCode.IMAGE_INVALID,
            f"image is {rgb.dtype} of shape {rgb.shape}, expected uint8 (height, width, 3)",
            "give an RGB image with 8 bits per channel",
        )
    return rgb


def checked_seed(seed) -> int:
    """Raises: InputError: CONFIG_INVALID."""
    return _checked_integer("seed", seed, 0, 2**63 - 1)


def checked_samples(samples) -> int:
    """Raises: InputError: CONFIG_INVALID."""
    return _checked_integer("samples", samples, 1, MAX_SAMPLES)


def checked_instruction(instruction) -> str:
    """Without superfluous spaces. Raises: InputError: INSTRUCTION_INVALID."""
    if not isinstance(instruction, str):
        raise InputError(ErrorCode.INSTRUCTION_INVALID, f"instruction is {shown(instruction)}, expected a sentence")
    text = " ".join(instruction.split())
    if not text.replace(TARGET_TOKEN, "").strip():
        raise InputError(
            ErrorCode.INSTRUCTION_INVALID, "instruction is empty", 'say what should happen: "picks up the [TGT] mug"'
        )
    if (odd := odd_character(text)) is not None:
        raise InputError(
            ErrorCode.INSTRUCTION_INVALID,
            f"instruction holds {odd!a}, which is no part of a text",
            "write it in UTF-8, without control characters",
        )
    if TARGET_TOKEN not in text and (like := LIKE_TARGET_TOKEN.search(text)):
        raise InputError(
            ErrorCode.INSTRUCTION_INVALID,
            f"instruction holds {like.group()!r}, which marks no target",
            f"write {TARGET_TOKEN} in front of the target's noun",
        )
    if len(text) > MAX_INSTRUCTION:
        raise InputError(
            ErrorCode.INSTRUCTION_INVALID,
            f"instruction has {len(text)} characters",
            f"use at most {MAX_INSTRUCTION}",
        )
    return text


def _checked_integer(name: str, value, low: int, high: int) -> int:
    """A Python integer: those of numpy overflow or become fractions where the seeds of further samples are counted."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or not low <= value <= high:
        raise InputError(
            ErrorCode.CONFIG_INVALID, f"{name} is {shown(value)}, expected an integer from {low} to {high}"
        )
    return int(value)
