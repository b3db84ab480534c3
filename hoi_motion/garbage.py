"""Python's search for garbage, and work that is not to be interrupted by it."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_collection() -> Iterator[None]:
    """Search for no garbage meanwhile.

    For work that makes many small objects and leaves no cycles: with the objects of torch in the process each search
    is long, and they are set off by how many objects are made. Imports take an eighth less time, nested lists of
    vertices two thirds.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
