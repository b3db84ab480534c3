import ast
import gc
import re
import sys
from pathlib import Path

import pytest

from hoi_motion.errors import ErrorCode, TavidError
from hoi_motion.lazy import EXTRAS, OWN, missing_package, no_collection, optional
from hoi_motion.scripts.command import run_command

ROOT = Path(__file__).resolve().parents[2]


def names_of_extras() -> set[str]:
    """As pip knows them: the sections of the requirements, and what setup.py adds."""
    setup = (ROOT / "setup.py").read_text()
    sections = re.findall(r"^# \[(\w+)\]", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    return {*sections, *re.findall(r'^        "(\w+)": ', setup, re.MULTILINE)}


def test_every_extra_that_an_error_names_can_be_installed():
    assert {extra for _, extra in EXTRAS.values()} <= names_of_extras()


def test_every_package_that_is_asked_for_as_optional_is_known():
    asked = set()
    for package in OWN:
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "optional":
                    asked |= {a.value.partition(".")[0] for a in node.args if isinstance(a, ast.Constant)}
    assert asked and asked <= set(EXTRAS)


@pytest.mark.parametrize("module", ["gradio", "pyarrow.parquet", "ray", "rerun", "mcap_ros2.writer", "torchao"])
def test_a_missing_package_is_named_with_what_installs_it(module, monkeypatch):
    package, extra = EXTRAS[module.partition(".")[0]]
    for name in [module, module.partition(".")[0]]:
        monkeypatch.setitem(sys.modules, name, None)  # as where it is not installed
    with pytest.raises(TavidError, match=f"the package {package} is not installed") as caught:
        optional(module)
    assert caught.value.code is ErrorCode.MODEL_MISSING and caught.value.exit_code == 4
    assert caught.value.hint == f"pip install 'tavid_planner[{extra}]'"


def test_a_broken_package_says_what_broke():
    error = missing_package(ImportError("libcuda.so.1: cannot open shared object file", name="ray._raylet"))
    assert "ray is broken: libcuda.so.1" in error.message


def test_an_import_that_fails_inside_any_command_is_named(capsys):
    def command(argv):
        raise ModuleNotFoundError("No module named 'pinocchio'", name="pinocchio")

    assert run_command(command, []) == 4
    assert "pip install 'tavid_planner[retarget]'" in capsys.readouterr().err


def test_a_module_of_our_own_that_is_missing_is_our_fault():
    error = missing_package(ModuleNotFoundError("No module named 'tavid_planner.x'", name="tavid_planner.x"))
    assert error.code is ErrorCode.INTERNAL


def test_the_search_goes_on_afterwards_also_after_an_error_and_where_one_is_inside_another():
    try:
        with no_collection(), no_collection():
            assert not gc.isenabled()
            raise KeyError
    except KeyError:
        pass
    assert gc.isenabled()


def test_who_has_turned_it_off_keeps_it_off():
    gc.disable()
    try:
        with no_collection():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
