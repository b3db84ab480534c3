"""Whether every weight of a loaded model is from its files.

The libraries give what a file lacks random numbers, or none at all, and say so in a log that nobody reads.
"""

from pathlib import Path

from tavid_planner.video.model_files import check_safetensors, missing, weight_files
from tavid_planner.video.weight_sizes import BLOCK

NAMED = 3


def check_whole(model, folder: Path) -> None:
    """Compare the parameters of a model, as it was loaded, with the names in its files.

    Args:
        folder: of this component.

    Raises:
        VideoError: MODEL_MISSING where a parameter is in no file, or a file holds blocks that the model does not have.
    """
    stored = {name for file in weight_files(folder) for name in check_safetensors(file)}
    parameters = dict(model.named_parameters(remove_duplicate=False))
    # a parameter that is used in two places is stored once
    there = {id(value) for name, value in parameters.items() if name in stored}
    lost = [name for name, value in parameters.items() if id(value) not in there]
    if lost:
        raise missing(
            f"{folder} lacks {len(lost)} of {len(parameters)} weights that its config.json asks for: {_listed(lost)}",
            "download the model again, or use the config.json that belongs to these weights",
        )
    unused = sorted(name for name in stored - set(parameters) if BLOCK.search(name))
    if unused:
        raise missing(
            f"{folder} holds weights of blocks that its config.json leaves out: {_listed(unused)}",
            "use the config.json that belongs to these weights",
        )


def _listed(names: list[str]) -> str:
    return ", ".join(name[:80] for name in names[:NAMED]) + (", ..." if len(names) > NAMED else "")
