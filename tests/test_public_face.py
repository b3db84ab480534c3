"""What a newcomer imports is there, in `dir()` and at its place, and it is imported only when asked for."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LAZY_PACKAGES = (
    "hoi_motion",
    "hoi_motion.lift",
    "hoi_motion.physics",
    "hoi_motion.io",
    "tavid_planner",
    "tavid_planner.video",
)


@pytest.mark.parametrize("package", LAZY_PACKAGES)
def test_every_public_name_is_there_and_shown(package):
    module = importlib.import_module(package)
    assert set(module.__all__) <= set(dir(module))
    for name in module.__all__:
        assert getattr(module, name) is not None
    with pytest.raises(AttributeError, match="no_such_name"):
        module.no_such_name  # noqa: B018


@pytest.mark.parametrize("package", LAZY_PACKAGES)
def test_type_checkers_see_what_is_lazy(package):
    tree = ast.parse((ROOT / package.replace(".", "/") / "__init__.py").read_text())
    seen = {alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert set(importlib.import_module(package).__all__) <= seen


@pytest.mark.parametrize("before", ["", "import hoi_motion.retarget.robots.config; "])
def test_retarget_is_one_function_whatever_was_imported_before(before):
    code = f"{before}from hoi_motion import retarget; print(callable(retarget))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "True"
