"""Options of a profile that have no effect beside its others, so that whoever set them is told."""

import json
from dataclasses import fields

from tavid_planner.config import VideoConfig

# a switch, its value when it is off, and the options that have no effect then
_SWITCHES = (
    ("adapter", "", ("lora_alpha",)),
    ("guidance_scale", 1.0, ("guidance",)),
    ("contrast", 1.0, ("contrast_steps",)),
    ("step_cache", "none", ("step_cache_threshold",)),
    ("speed_adapter", "", ("speed_steps", "speed_scheduler")),
    ("early_steps", 0, ("early_keep", "early_blocks", "early_again")),
)
# what marks a conditioning of the transformer can do nothing with, and why
_MARKS = {
    "none": (("contrast", "mask_reduction"), "no adapter is loaded, the video model sees no marks"),
    "mask": (("contrast",), "the adapter sees the target's mask alone"),
    "id_map": (("mask_reduction",), "the adapter's ID map is always reduced by area"),
    "id_map_vae": (("mask_reduction",), "the adapter's ID map is always reduced by area"),
}


def idle_options(config: VideoConfig, conditioning: str) -> tuple[str, ...]:
    """A sentence for every option that is not at its default and has no effect.

    Args:
        conditioning: of the loaded transformer, see `conditioning.KINDS`; "none" where it sees no marks.
    """
    defaults = {f.name: f.default for f in fields(VideoConfig)}

    def set_ones(names: tuple[str, ...]) -> list[str]:
        return [name for name in names if getattr(config, name) != defaults[name]]

    off = [switch for switch in _SWITCHES if getattr(config, switch[0]) == switch[1]]
    told = [
        f"{_assigned(config, name)} has no effect with {_assigned(config, s)}"
        for s, _, n in off
        for name in set_ones(n)
    ]
    names, why = _MARKS[conditioning]
    return (*told, *(f"{_assigned(config, name)} has no effect: {why}" for name in set_ones(names)))


def _assigned(config: VideoConfig, name: str) -> str:
    """An option as it is set on a command line; an empty text as "" ."""
    value = getattr(config, name)
    return f"video.{name}={value if isinstance(value, str) and value else json.dumps(value)}"
