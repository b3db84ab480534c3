"""Whether every weight of a loaded model is from its files.

The libraries give what a file lacks random numbers, or none at all, and say so in a log that nobody reads.
"""

import re
from pathlib import Path

from tavid_planner.video.model_files import check_safetensors, missing, weight_files
from tavid_planner.video.weight_sizes import BLOCK

NAMED = 3


def check_whole(model, folder: Path) -> None:
    """Compare the parameters of a model, as it was loaded, and stored buffers, with the names in its files.

    Args:
        folder: of this component.

    Raises:
        VideoError: MODEL_MISSING where a parameter is in no file, or a file holds blocks that the model does not have.
    """
    stored = {name for file in weight_files(folder) for name in check_safetensors(file)}
    parameters = dict(model.named_parameters(remove_duplicate=False))
    if not hasattr(model, "get_input_embeddings"):  # files of transformers may lack buffers that it computes
        parameters |= model.state_dict(keep_vars=True)
    # a parameter that is used in two places is stored once
    there = {id(value) for name, value in parameters.items() if name in stored}
    lost = [name for name, value in parameters.items() if id(value) not in there]
    if lost:
        raise missing(
            f"{folder} lacks {len(lost)} of {len(parameters)} weights that its config.json asks for: {_listed(lost)}",
            "download the model again, or use the config.json that belongs to these weights",
        )
    # diffusers names what files of a family hold and nothing uses
    known = getattr(model, "_keys_to_ignore_on_load_unexpected", None) or ()
    unused = sorted(name for name in stored - set(parameters) if BLOCK.search(name))
    unused = [name for name in unused if not any(re.search(pattern, name) for pattern in known)]
    if unused:
        raise missing(
            f"{folder} holds weights of blocks that its config.json leaves out: {_listed(unused)}",
            "use the config.json that belongs to these weights",
        )


def _listed(names: list[str]) -> str:
    return ", ".join(name[:80] for name in names[:NAMED]) + (", ..." if len(names) > NAMED else "")
