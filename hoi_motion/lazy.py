"""Names of a package that are imported when somebody first asks for them."""

import importlib
import sys
from collections.abc import Callable

from hoi_motion.garbage import no_collection


def lazy_names(package: str, places: dict[str, str]) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """`__getattr__` and `__dir__` of a package whose names live in modules that are heavy to import.

    Args:
        package: `__name__` of the package.
        places: name -> module that defines it, or the module `package.name` for a module that is itself public.
    """

    def get(name: str):
        if name not in places:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        with no_collection():
            module = importlib.import_module(places[name])
        return module if places[name] == f"{package}.{name}" else getattr(module, name)

    def names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *places})

    return get, names
