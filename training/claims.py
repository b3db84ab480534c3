"""What the results of a folder were made with, written beside them: other settings never mix with them."""

import json
from dataclasses import asdict
from pathlib import Path

from hoi_motion.files import write_whole
from hoi_motion.reading.text import read_json
from tavid_planner.config import VideoConfig, resolve_model
from tavid_planner.errors import ErrorCode, InputError


def claim(path: Path, wanted: dict, what: str) -> None:
    """Write `wanted` to `path`, or see that it stands there.

    Args:
        wanted: what JSON can hold; what: the folder's results in a word or two, for example "scores".

    Raises:
        InputError: CONFIG_INVALID when the folder was begun with other settings.
    """
    if path.is_file():
        there = read_json(path, f"what the {what} of its folder were made with", hint="delete it with its folder")
        refuse_another(path.parent, there, wanted, what)
    else:
        write_whole(path, json.dumps(wanted, indent=1).encode())


def model_facts(config: VideoConfig) -> dict:
    """What a model's clips and attention depend on: its options and the digests of its weights, not their paths alone.

    Raises:
        VideoError: MODEL_MISSING.
    """
    from tavid_planner.video.loras import found_lora
    from tavid_planner.video.model_files import model_folder, weights_digest
    from tavid_planner.video.named_loras import asked_loras

    folders = {"base": config.base, "adapter": config.adapter}
    options = {k: v for k, v in asdict(config).items() if k not in ("device", "memory")}  # these change no clip
    digests = {f"{k}_digest": weights_digest(model_folder(resolve_model(v))) for k, v in folders.items() if v}
    digests |= {f"{lora.name}_lora_digest": found_lora(lora.source)[1] for lora in asked_loras(config)}
    return {"video": options, **digests}


def refuse_another(
    folder: Path, there: dict, wanted: dict, what: str, hint: str = "choose another folder, or delete this one"
) -> None:
    """Raises: InputError: CONFIG_INVALID, naming the settings that differ."""
    wanted = json.loads(json.dumps(wanted))  # as it comes back from a file: tuples are lists there
    changed = [k for k in wanted if there.get(k) != wanted[k]]
    if changed:
        raise InputError(ErrorCode.CONFIG_INVALID, f"{folder} holds {what} with another {', '.join(changed)}", hint)
