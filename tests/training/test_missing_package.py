"""What a command of training or benchmarks says after `make demo` alone, which installs no numba."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    "module", ["benchmarks.scenes", "benchmarks.best_of", "training.data.cache", "training.scenes"]
)
def test_a_command_names_the_package_that_is_missing_in_one_line(module, tmp_path):
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['numba'] = None\n")
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-m", module, "--help"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 4
    assert done.stderr.count("\n") == 1 and "numba" in done.stderr and "make setup-test" in done.stderr


def test_importing_training_from_another_program_ends_nothing(tmp_path):
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['numba'] = None\n")
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", "import training, benchmarks"], cwd=ROOT, env=environment)
    assert done.returncode == 0
