"""Models from a hub: downloaded with progress and checked against their digests.

A lost connection is resumed where it broke off; an interrupted download continues with the incomplete files.
"""

import hashlib
import logging
import re
from collections.abc import Callable
from pathlib import Path

from hoi_motion.errors import counted
from hoi_motion.progress import CancelToken
from tavid_planner.errors import ErrorCode, TavidError, VideoError

CHUNK_BYTES = 2**20
SHA256 = re.compile(r"[0-9a-f]{64}")
NAMED = 8
GB = 1e9

logger = logging.getLogger(__name__)


def fetch_model(
    name: str,
    files: tuple[str, ...] | None = None,
    on_fraction: Callable[[float], None] = lambda fraction: None,
    cancel: CancelToken | None = None,
    needs: str = "",
) -> Path:
    """A model's folder in the hub's cache, after downloading what is missing there.

    Args:
        files: patterns of the wanted files, None for all.
        on_fraction: called from time to time with the downloaded share of what was missing, 0..1.
        cancel: checked as often; what has been downloaded is kept for the next time.
        needs: a file without which nothing is downloaded, "" for none.

    Raises:
        VideoError: MODEL_MISSING; without a network it names the missing files and their folder.
        ControlError: CANCELLED.
    """
    from huggingface_hub import constants, snapshot_download
    from huggingface_hub.errors import IncompleteSnapshotError

    cancel = cancel or CancelToken()
    patterns = None if files is None else list(files)
    try:
        size = _missing_bytes(name, patterns, needs)
        if size:
            logger.info("fetching %.2f GB of %s into %s", size / GB, name, constants.HF_HUB_CACHE)
        before = _blobs(name)
        folder = Path(snapshot_download(name, allow_patterns=patterns, tqdm_class=_bar(size, on_fraction, cancel)))
    except IncompleteSnapshotError as error:
        lost = _lost_files(name, Path(error.snapshot_path), patterns)
        raise _missing(
            f"{error.snapshot_path} lacks {counted(len(lost), 'file')} of {name}: {', '.join(lost[:NAMED])}"
            f"{', ...' if len(lost) > NAMED else ''}, and the hub cannot be reached",
            "connect to the network, or copy these files there; files that are there are kept",
        ) from error
    except TavidError:
        raise
    except Exception as error:  # the hub's client passes on whatever its network library raises
        raise _missing(
            f"{name} is neither a local folder, nor in {constants.HF_HUB_CACHE}, nor could it be fetched from the hub "
            f"({type(error).__name__})",
            "check the name and the network, or download the model and give its folder in place of the name",
        ) from error
    _check_digests(name, _blobs(name) - before)
    return folder


def _missing_bytes(name: str, patterns: list[str] | None, needs: str) -> int:
    """Bytes to download; 0 when the hub cannot be reached, which the download itself then reports.

    Raises:
        VideoError: MODEL_MISSING when the hub has not the file that is needed.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import DryRunError

    try:
        found = snapshot_download(name, allow_patterns=patterns, dry_run=True)
    except DryRunError:
        return 0
    if needs and all(file.filename != needs for file in found):
        raise _missing(
            f"{name} has no {needs}, so it is not in diffusers' format; nothing was downloaded",
            "use a model that is; the names of Wan's end in -Diffusers",
        )
    return sum(file.file_size for file in found if file.will_download)


def _bar(total_bytes: int, on_fraction: Callable[[float], None], cancel: CancelToken) -> type:
    """Stands in for the hub's progress bars and shows nothing."""
    from tqdm.auto import tqdm

    furthest = 0.0

    class Bar(tqdm):
        def __init__(self, *args, **kwargs):
            self._counted = int(kwargs.get("initial") or 0)
            kwargs.pop("name", None)  # the hub's own bars have one
            super().__init__(*args, **(kwargs | {"disable": True}))

        def update(self, n=1):
            cancel.raise_if_cancelled()
            nonlocal furthest
            # one counts files, two count bytes: as they are downloaded, and as they are assembled
            if getattr(self, "unit", "B") == "B" and n and total_bytes:
                self._counted += n
                if self._counted > furthest * total_bytes:
                    furthest = min(self._counted / total_bytes, 1.0)
                    on_fraction(furthest)

    return Bar


def _folder_of(name: str) -> Path:
    from huggingface_hub import constants
    from huggingface_hub.file_download import repo_folder_name

    return Path(constants.HF_HUB_CACHE) / repo_folder_name(repo_id=name, repo_type="model")


def _blobs(name: str) -> set[Path]:
    """Complete files of a model in the cache; large ones are named by the sha256 they should have."""
    return {path for path in _folder_of(name).glob("blobs/*") if SHA256.fullmatch(path.name)}


def _check_digests(name: str, fetched: set[Path]) -> None:
    """Compare what was just downloaded with the hub's digest.

    Raises:
        VideoError: MODEL_MISSING; the damaged file is removed, so that the next download fetches it again.
    """
    for path in sorted(fetched):
        digest = hashlib.sha256()
        with path.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                digest.update(chunk)
        if digest.hexdigest() != path.name:
            path.unlink()
            raise _missing(f"a file of {name} came damaged: its sha256 is not {path.name}", "run it again")


def _lost_files(name: str, folder: Path, patterns: list[str] | None) -> list[str]:
    from huggingface_hub import get_cached_repo_tree
    from huggingface_hub.utils import filter_repo_objects

    tree = get_cached_repo_tree(name, revision=folder.name) or ()
    wanted = filter_repo_objects([getattr(entry, "path", entry) for entry in tree], allow_patterns=patterns)
    return [path for path in wanted if not (folder / path).exists()]


def _missing(message: str, hint: str) -> VideoError:
    return VideoError(ErrorCode.MODEL_MISSING, message, hint)
