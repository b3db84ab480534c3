"""Networks from folders, kept while the files of their folder stay the same."""

from collections.abc import Callable
from functools import lru_cache, wraps
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

How = ParamSpec("How")
Model = TypeVar("Model")


def kept_while_unchanged(load: Callable[Concatenate[Path, How], Model]) -> Callable[Concatenate[Path, How], Model]:
    """A loader that keeps the last model it has loaded, until a file in its folder changes, comes or goes.

    Folders are told apart by what they resolve to, files by name, size, time of change and place on the disk: other
    weights under the same name are loaded anew in a process that goes on.
    """

    @lru_cache(maxsize=1)
    def kept(folder: Path, state: tuple, *how: How.args, **more: How.kwargs) -> Model:
        return load(folder, *how, **more)

    @wraps(load)
    def loaded(folder: Path, *how: How.args, **more: How.kwargs) -> Model:
        folder = Path(folder).resolve()
        return kept(folder, folder_state(folder), *how, **more)

    return loaded


def folder_state(folder: Path) -> tuple:
    """Identity of a folder's files as they are now, or of one file; of what cannot be looked at, nothing: loading says
    what is wrong.

    Links, of which caches of models are made, stand for the files that they lead to.
    """
    try:
        within = [folder] if folder.is_file() else sorted(path for path in folder.rglob("*") if path.is_file())
        files = [(str(path), path.stat()) for path in within]
    except OSError:
        return ()
    return tuple((name, now.st_size, now.st_mtime_ns, now.st_ino) for name, now in files)
