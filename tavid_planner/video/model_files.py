"""Model folders, local or from a hub: whether they are complete, and their digests."""

import errno
import hashlib
import json
import os
import re
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from hoi_motion.errors import counted, shown
from hoi_motion.files import with_home
from hoi_motion.progress import CancelToken
from hoi_motion.reading.model_folder import folder_state
from hoi_motion.reading.text import read_json
from tavid_planner.config import VideoConfig, resolve_model, share_folder
from tavid_planner.errors import ErrorCode, VideoError
from tavid_planner.video.hub import fetch_model
from tavid_planner.video.named_loras import asked_loras

INDEX = "model_index.json"
WEIGHT_NAMES = ("diffusion_pytorch_model", "model")  # file names of diffusers and transformers
TOKENIZER_FILES = ("tokenizer.json", "spiece.model")
TOKENIZERS_WITHOUT_FILES = ("ByT5Tokenizer",)
CHUNK_BYTES = 2**20
MAX_HEADER_BYTES = 16 * 2**20
MAX_COUNT = 2**50  # of numbers along an axis, and of bytes in a file
DIGEST_LENGTH = 16
HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


def is_hub_id(name: str) -> bool:
    """Whether `name` must be looked up in a hub (or its cache): "owner/name" where no such local folder is."""
    if Path(name).exists() or not HUB_ID.fullmatch(name) or name.startswith("."):
        return False
    parent = Path(name).parent
    return not (parent.is_dir() or (share_folder() / parent).is_dir())


def model_folder(
    name: str,
    files: tuple[str, ...] | None = None,
    on_fraction: Callable[[float], None] = lambda fraction: None,
    cancel: CancelToken | None = None,
    needs: str = "",
) -> Path:
    """The local folder of a model given by folder or hub id; a hub is contacted for hub ids only.

    Args:
        files: patterns of the files wanted from a hub, None for all.
        on_fraction, cancel, needs: see `hub.fetch_model`.

    Raises:
        VideoError: MODEL_MISSING.
        InputError: CONFIG_INVALID for the home of a user who is not known here.
        ControlError: CANCELLED during a download.
    """
    if not name.strip():  # which would be the current folder
        raise missing("the name of a model is empty", "give a folder in diffusers format, or a hub id")
    folder = with_home(name)
    if folder.is_dir():
        return folder
    if not is_hub_id(name):
        raise missing(f"the model folder {name} does not exist", "give a folder in diffusers format, or a hub id")
    return fetch_model(name, files, on_fraction, cancel, needs)


def base_folder(name: str, on_fraction: Callable[[float], None] = lambda _: None, cancel=None) -> Path:
    """The local folder of a base model; see `model_folder`."""
    return model_folder(name, None, on_fraction, cancel, INDEX)


def check_folders_exist(*names: str) -> None:
    """Refuse a folder that does not exist before the libraries are imported, which takes seconds; "" is none.

    Raises:
        VideoError, InputError: as `model_folder`.
    """
    for name in names:
        if name and not is_hub_id(name):
            model_folder(name)


def model_state(video: VideoConfig) -> tuple:
    """Identity of the files of a profile's models, adapter and LoRAs as they are now, by name.

    Of a hub id, nothing: its files are of one revision.
    """
    names = [resolve_model(video.base), resolve_model(video.adapter), *(lora.source for lora in asked_loras(video))]
    local = [name for name in names if name and not is_hub_id(name)]
    return tuple((name, folder_state(with_home(name))) for name in local)


def check_base_folder(folder: Path) -> None:
    """Refuse a pipeline folder with a missing or truncated file before anything is loaded.

    Raises:
        VideoError: MODEL_MISSING, naming the file.
    """
    if not (folder / INDEX).is_file():
        raise missing(
            f"{folder} has no {INDEX}, so it is not in diffusers' format or not all there",
            "give a model that is, such as Wan-AI/Wan2.2-TI2V-5B-Diffusers instead of Wan-AI/Wan2.2-TI2V-5B, or "
            "download it again",
        )
    index = _read_json(folder / INDEX)
    wanted = ("tokenizer", "text_encoder", "vae", "transformer", "scheduler")
    absent = [component for component in wanted if component not in index]
    if absent:
        raise missing(f"{folder / INDEX} names no {', '.join(absent)}", "give the folder of an image-to-video model")
    lost = missing_files(folder, _class_of(folder, index, "tokenizer"))
    if lost:
        raise missing(
            f"{folder} lacks {counted(len(lost), 'file')}: {', '.join(lost[:8])}{', ...' if len(lost) > 8 else ''}",
            _other_weights(folder) or "download the model again; files that are there are kept",
        )
    _read_json(folder / "scheduler" / "scheduler_config.json")
    for component in ("text_encoder", "vae", "transformer"):
        _read_json(folder / component / "config.json")
        _check_weights(folder / component)
    _check_tokenizer(folder / "tokenizer")


def _other_weights(folder: Path) -> str:
    """What to do where weights are there in a form that is not read, "" where none are."""
    for component in ("transformer", "text_encoder", "vae"):
        for path in sorted((folder / component).glob("*")):
            if path.suffix in (".bin", ".pt", ".pth", ".gguf") or re.search(r"\.(fp16|bf16|fp8)\b", path.name):
                return (
                    f"{component}/{path.name} is not read: load the model with diffusers, and save it with "
                    "save_pretrained without a variant"
                )
    return ""


def missing_files(folder: Path, tokenizer: str) -> list[str]:
    """Paths, relative to a pipeline folder, of the files that every model needs and this one lacks.

    Args:
        tokenizer: class of the tokenizer; some need no file.
    """
    wanted = ["scheduler/scheduler_config.json"]
    for component in ("text_encoder", "vae", "transformer"):
        wanted.append(f"{component}/config.json")
        stem = WEIGHT_NAMES[component == "text_encoder"]
        index = folder / component / f"{stem}.safetensors.index.json"
        if shards := _shards(index) if index.is_file() else []:
            wanted += [f"{component}/{shard}" for shard in shards]
        elif not any((folder / component / f"{name}.safetensors").is_file() for name in WEIGHT_NAMES):
            wanted.append(f"{component}/{stem}.safetensors")
    lost = [path for path in wanted if not (folder / path).is_file()]
    has_tokenizer = any((folder / "tokenizer" / name).is_file() for name in TOKENIZER_FILES)
    if not has_tokenizer and tokenizer not in TOKENIZERS_WITHOUT_FILES:
        lost.append(f"tokenizer/{TOKENIZER_FILES[0]}")
    return lost


def transformer_class(folder: Path) -> str:
    """Name of the transformer's class in a pipeline folder.

    Raises:
        VideoError: MODEL_MISSING.
    """
    return _class_of(folder, _read_json(folder / INDEX), "transformer")


def _class_of(folder: Path, index: dict, component: str) -> str:
    """The class that a model index names for a component, beside the library that has it."""
    entry = index.get(component)
    if not (isinstance(entry, list) and entry and isinstance(entry[-1], str)):
        raise missing(f"{folder / INDEX} says {shown(entry)} of its {component}", "download it again")
    return entry[-1]


def _check_tokenizer(folder: Path) -> None:
    path = folder / "tokenizer.json"
    if path.is_file():
        _read_json(path)


def _check_weights(folder: Path) -> None:
    for file in weight_files(folder):
        check_safetensors(file)


def weight_files(folder: Path) -> list[Path]:
    """The files from which a component's weights are loaded; they need not be there.

    Raises:
        VideoError: MODEL_MISSING where there are none, or an index that names none.
    """
    for name in WEIGHT_NAMES:
        index = folder / f"{name}.safetensors.index.json"
        if index.is_file() and (shards := _shards(index)):
            return [folder / shard for shard in shards]
        if (folder / f"{name}.safetensors").is_file():
            return [folder / f"{name}.safetensors"]
    raise missing(f"{folder} has no safetensors weights", "download the model again, or save it as safetensors")


def _shards(index: Path) -> list[str]:
    """The names of the files that an index of sharded weights lists: files beside it."""
    places = _read_json(index).get("weight_map", {})
    if not isinstance(places, dict) or not all(isinstance(n, str) and n == Path(n).name for n in places.values()):
        raise missing(f"{index} does not say which file beside it holds which weights", "download the model again")
    return sorted(set(places.values()))


def check_safetensors(path: Path) -> dict:
    """The header of a safetensors file, after checking that the file is as long as it says.

    Raises:
        VideoError: MODEL_MISSING when the file is missing, truncated or not safetensors.
    """
    try:
        if not path.is_file():  # opening a pipe would block
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        size = path.stat().st_size
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if length > MAX_HEADER_BYTES:
                raise ValueError(f"its header has {length} bytes")
            header = json.loads(file.read(length)) if 0 < length <= size - 8 else None
        if header is None:
            raise ValueError("its header is cut off")
        end = max((_checked_end(name, t) for name, t in header.items() if name != "__metadata__"), default=0)
        if not all(isinstance(text, str) for text in header.get("__metadata__", {}).values()):
            raise ValueError("its metadata are no texts")
        if size != 8 + length + end:
            raise ValueError(f"it has {size} bytes instead of {8 + length + end}")
    except OSError as error:
        raise missing(f"cannot read {path}: {error.strerror}", "download the model again") from error
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise missing(f"{path} is damaged or truncated: {error}", "download the model again") from error
    return header


def read_tensors(path: Path) -> dict:
    """The tensors of a safetensors file by name, on the CPU.

    Raises:
        VideoError: MODEL_MISSING when the file is truncated or describes its tensors in a way that nobody can read.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    check_safetensors(path)
    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        hint = "download it again; where its types of numbers are newer, update safetensors and torch"
        raise missing(f"{path} cannot be read: {error}", hint) from error


def _checked_end(name: str, entry: dict) -> int:
    """Where the numbers of a tensor end, from its entry in the header of a safetensors file."""
    (start, end), shape = entry["data_offsets"], entry["shape"]
    sizes = [start, end, *shape]
    counted = all(type(size) is int and 0 <= size <= MAX_COUNT for size in sizes)
    if not (counted and start <= end and isinstance(entry["dtype"], str)):
        raise ValueError(f"{name[:80]!r} is {shown(entry)}")
    return end


def weights_digest(folder: Path) -> str:
    """The first hex digits of a sha256 over names and contents of all weight and config files of a model folder."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.suffix in (".safetensors", ".pth", ".json", ".model") and path.is_file():
            digest.update(path.relative_to(folder).as_posix().encode())
            digest.update(file_sha256(path).encode())
    return digest.hexdigest()[:DIGEST_LENGTH]


def file_sha256(path: Path) -> str:
    """Hex sha256 of a file, read once as long as it stays the same. A hub's cache already names its large files so."""
    target = path.resolve()
    if target.parent.name == "blobs" and re.fullmatch(r"[0-9a-f]{64}", target.name):
        return target.name
    facts = target.stat()
    return _sha256(target, facts.st_ino, facts.st_size, facts.st_mtime_ns)


@lru_cache(maxsize=4096)
def _sha256(target: Path, *state: int) -> str:
    """Args: state: of the file, other than which it is another one."""
    digest = hashlib.sha256()
    with target.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def missing(message: str, hint: str = "") -> VideoError:
    return VideoError(ErrorCode.MODEL_MISSING, message, hint)


def _read_json(path: Path) -> dict:
    about = dict(code=ErrorCode.MODEL_MISSING, hint="download the model again", error_class=VideoError)
    return read_json(path, "a whole configuration", **about)
