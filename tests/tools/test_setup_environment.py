"""Set-up: what is wrong is one line, and nothing half-made is trusted. No package is installed here."""

import importlib.util
import sys
import threading
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def tool(tmp_path, monkeypatch):
    """The module with its paths in a folder of its own, and pip replaced by a list of calls."""
    spec = importlib.util.spec_from_file_location("setup_environment", ROOT / "tools" / "setup_environment.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    venv = tmp_path / ".venv"
    for name, path in {
        "ROOT": tmp_path,
        "VENV": venv,
        "STATE": venv / ".setup",
        "LOG": venv / "setup.log",
        "WHEELS": venv / ".setup/wheels",
        "PYTHON": venv / "bin/python",
    }.items():
        monkeypatch.setattr(module, name, path)
    (tmp_path / "constraints.txt").write_text(
        "# [run]\ntorch==1\na==1\n# [test]\nb==1\n# [web] of\ne==1\n# [build] of\nc==1\na==1\n# [docs] of\nd==1\n"
    )
    (tmp_path / "tavid_planner_interfaces").mkdir()
    (tmp_path / "tavid_planner").mkdir()
    (tmp_path / "tavid_planner" / "x.py").write_text("x = 1\n")

    def create():
        (venv / ".setup").mkdir(parents=True, exist_ok=True)

    def pip(*arguments, processes=None):
        module.calls.append(arguments)
        if arguments[0] == "wheel":
            (module.WHEELS / "ros_tavid_planner_interfaces-0-py3.whl").touch()

    module.calls = []
    module.real_run_pip = module.run_pip
    monkeypatch.setattr(module, "create_environment", create)
    monkeypatch.setattr(module, "installed_packages", set)
    monkeypatch.setattr(module, "run_pip", pip)
    return module


def names(tool):
    return sorted({a for call in tool.calls for a in call if "==" in a})


def test_docs_install_only_their_packages_and_need_no_compiler(tool, monkeypatch):
    monkeypatch.setenv("CC", "no-such-compiler")
    assert tool.main("docs") == 0
    assert names(tool) == ["d==1"]
    assert not any("tavid_planner_interfaces" in str(call) or call[-1] == str(tool.ROOT) for call in tool.calls)
    tool.calls.clear()
    assert tool.main("docs") == 0 and not tool.calls


def test_run_installs_no_test_packages_and_test_adds_only_them(tool, monkeypatch):
    assert tool.main("run") == 0
    assert names(tool) == ["a==1", "c==1", "torch==1"]
    monkeypatch.setattr(tool, "installed_packages", lambda: {"a==1", "torch==1"})
    tool.calls.clear()
    assert tool.main("test") == 0
    assert names(tool) == ["b==1", "e==1"]


def test_a_second_run_does_nothing(tool, capsys):
    tool.main("run")
    tool.calls.clear()
    capsys.readouterr()
    assert tool.main("run") == 0
    assert tool.calls == [] and capsys.readouterr().out == ""


def test_a_changed_source_installs_only_the_project(tool):
    tool.main("run")
    tool.calls.clear()
    (tool.ROOT / "tavid_planner" / "x.py").write_text("x = 2\n")
    tool.main("run")
    assert [call[0] for call in tool.calls] == ["install"] and str(tool.ROOT) in tool.calls[0]


def test_a_changed_interface_is_built_again(tool):
    tool.main("run")
    tool.calls.clear()
    (tool.ROOT / "tavid_planner_interfaces" / "new.msg").write_text("int32 x\n")
    tool.main("run")
    assert "wheel" in [call[0] for call in tool.calls]


def test_an_interrupted_set_up_starts_anew(tool):
    def stop(*arguments, processes=None):
        raise KeyboardInterrupt

    good, tool.run_pip = tool.run_pip, stop
    tool.in_parallel = lambda jobs: [tool.run_pip(*job) for job in jobs]
    assert tool.main("run") == 130
    (tool.VENV / "half-made").touch()
    tool.run_pip = good
    assert tool.main("run") == 0
    assert not (tool.VENV / "half-made").exists() and not (tool.STATE / "incomplete").exists()


def test_a_failing_pip_is_one_line(tool, capsys):
    def fail(*arguments, processes=None):
        raise tool.SetupError("downloading packages failed: no index - check the network")

    tool.run_pip = fail
    assert tool.main("run") == 4
    assert capsys.readouterr().err == "error: downloading packages failed: no index - check the network\n"
    assert (tool.STATE / "incomplete").exists()


def test_another_python_is_named(tool, monkeypatch, capsys):
    monkeypatch.setattr(sys, "version_info", (3, 12, 1))
    assert tool.main("run") == 4
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "3.12.1" in error and "PYTHON=" in error


@pytest.mark.parametrize("variable, word", [("CC", "C compiler"), ("CXX", "C++ compiler")])
def test_a_missing_compiler_is_named_before_anything_is_installed(tool, monkeypatch, capsys, variable, word):
    monkeypatch.setenv(variable, "/nonexistent/compiler")
    assert tool.main("run") == 4
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and word in error and "build-essential" in error
    assert tool.calls == []


def test_a_full_disk_is_named(tool, monkeypatch, capsys):
    monkeypatch.setattr(tool, "NEEDED_DISK_GIB", 10**9)
    assert tool.main("run") == 4
    assert "GiB" in capsys.readouterr().err


def test_the_real_lock_has_its_sections(tool, monkeypatch):
    monkeypatch.setattr(tool, "ROOT", ROOT)
    sections = tool.locked_packages()
    assert list(sections) == ["run", "test", "web", "build", "docs", "ray", "dataset"]
    assert not set(sections["run"]) & set(sections["test"])
    assert [p for p in sections["run"] if p.startswith("torch==")]


def test_a_second_set_up_waits_for_the_first_and_finds_all_done(tool, monkeypatch, capsys):
    started, go_on, fake = threading.Event(), threading.Event(), tool.run_pip

    def slow(*arguments, processes=None):
        started.set()
        assert go_on.wait(10)
        fake(*arguments, processes=processes)

    monkeypatch.setattr(tool, "run_pip", slow)
    codes = []
    threads = [threading.Thread(target=lambda: codes.append(tool.main("run"))) for _ in range(2)]
    threads[0].start()
    assert started.wait(10)
    threads[1].start()
    while "waiting for it" not in (said := capsys.readouterr().out):
        time.sleep(0.01)
    before = len(tool.calls)
    go_on.set()
    for thread in threads:
        thread.join(20)
    assert codes == [0, 0] and before == 0 and said.count("another set-up") == 1
    assert len([call for call in tool.calls if str(tool.ROOT) in call]) == 1


def test_the_lock_is_free_once_a_set_up_has_failed(tool, monkeypatch):
    def fails(*_, **__):
        raise tool.SetupError("no network")

    with monkeypatch.context() as patch:
        patch.setattr(tool, "run_pip", fails)
        assert tool.main("run") == 4
    assert tool.main("run") == 0


def test_pip_finds_the_lock_of_packages_under_a_path_with_a_space(tool, monkeypatch, tmp_path):
    """pip splits a value of its environment at spaces; asked for a package that is not pinned to what it may have."""
    spaced = tmp_path / "my check out"
    spaced.mkdir()
    for name, path in {
        "ROOT": spaced,
        "VENV": spaced,
        "LOG": spaced / "setup.log",
        "PYTHON": Path(sys.executable),
    }.items():
        monkeypatch.setattr(tool, name, path)
    (spaced / "constraints.txt").write_text("pip==0.0.1\n")
    with pytest.raises(tool.SetupError, match="pip"):
        tool.real_run_pip("install", "--no-index", "--dry-run", "pip")
    log = (spaced / "setup.log").read_text()
    assert "pip==0.0.1" in log and "Could not open requirements file" not in log


def test_stamps_are_written_whole(tool, monkeypatch):
    tool.create_environment()
    tool.stamp("project", "old")

    def full_disk(path, text):
        with open(path, "w") as file:
            file.write(text[:1])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full_disk)
    with pytest.raises(OSError):
        tool.stamp("project", "new")
    assert (tool.STATE / "project").read_text() == "old"
