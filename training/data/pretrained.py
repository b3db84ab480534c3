"""Models in transformers' format, from a local folder or a hub, weights in safetensors only."""

from tavid_planner.video.memory import checked_device
from tavid_planner.video.model_files import missing, model_folder


def load_pretrained(name: str, *kinds, device: str = "cpu") -> tuple:
    """The model of the first kind, ready to be asked, then whatever the others read from the same folder.

    Args:
        name: a folder or a hub id.
        kinds: classes of transformers: the model's, then processor's or tokenizer's.

    Raises:
        VideoError: MODEL_MISSING when the folder does not hold them.
        InputError: CONFIG_INVALID for a device that is not here.
    """
    place = checked_device(device)
    folder = model_folder(name)
    try:
        model, report = kinds[0].from_pretrained(
            folder, local_files_only=True, use_safetensors=True, output_loading_info=True
        )
        others = [kind.from_pretrained(folder, local_files_only=True) for kind in kinds[1:]]
    except (OSError, ValueError, KeyError) as error:
        reason = f"{name} cannot be loaded as {kinds[0].__name__}: {str(error).strip().splitlines()[0]}"
        raise missing(reason, "give a folder with its weights") from error
    if report["missing_keys"]:  # transformers gives them random numbers
        absent = sorted(report["missing_keys"])
        reason = f"{name} lacks {len(absent)} weights of a {kinds[0].__name__}, the first {absent[0]}"
        raise missing(reason, "give a folder with its weights")
    return model.eval().to(place), *others
