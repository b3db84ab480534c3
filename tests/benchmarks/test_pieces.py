"""What a stopped measurement goes on with."""

import json
import subprocess

import pytest

from benchmarks import results
from benchmarks.pieces import measure_pieces


def halved(number: int, log: str, fps: float = 8.0) -> dict:
    """A measurement that writes down that it ran, and fails on 13."""
    with open(log, "a") as stream:
        stream.write(f"{number}\n")
    if number == 13:
        raise ValueError("13")
    return {"half": number / 2}


@pytest.fixture
def measure(tmp_path):
    """Measure numbers into a file; returns the rows and the numbers for which something ran."""

    def run(numbers, workers=1, **settings):
        log = tmp_path / "log.txt"
        log.write_text("")
        jobs = {n: (n, str(log)) for n in numbers}
        rows = measure_pieces(halved, jobs, tmp_path / "out" / "rows.jsonl", workers, **settings)
        return [r["half"] for r in rows], [int(n) for n in log.read_text().split()]

    return run


def test_a_later_run_measures_what_is_missing_and_keeps_the_order(measure):
    assert measure([4, 2]) == ([2, 1], [4, 2])
    assert measure([2, 6, 4]) == ([1, 3, 2], [6])


def test_what_was_measured_before_a_failure_is_kept(measure):
    with pytest.raises(ValueError, match="13"):
        measure([4, 13])
    assert measure([4]) == ([2], [])


def test_two_processes_give_the_same_rows(measure):
    rows, ran = measure([4, 2, 6], workers=2)
    assert rows == [2, 1, 3] and sorted(ran) == [2, 4, 6]


def test_rows_of_other_settings_do_not_count(measure):
    measure([4], fps=8.0)
    assert measure([4], fps=16.0) == ([2], [4]) and measure([4], fps=8.0) == ([2], [])


def test_rows_about_something_else_do_not_count(measure):
    measure([4], about={"profile": {"steps": (1, 2)}})
    assert measure([4], about={"profile": {"steps": (1, 3)}}) == ([2], [4])
    assert measure([4], about={"profile": {"steps": (1, 2)}}) == ([2], [])


def test_rows_by_other_code_do_not_count(measure, monkeypatch):
    measure([4])
    monkeypatch.setattr("benchmarks.pieces.measured_code", lambda: "other code")
    assert measure([4]) == ([2], [4]) and measure([4]) == ([2], [])


def test_code_counts_as_it_is_in_the_checkout_and_results_do_not(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "ROOT", tmp_path)
    assert results.measured_code() == "unknown"
    for path in ("hoi_motion/a.py", "benchmarks/b.py", "benchmarks/results/b.json", "docs/c.md"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("1")
    who = ["-c", "user.name=a", "-c", "user.email=a@b.c"]

    def kept() -> str:
        subprocess.run(["git", "add", "."], cwd=tmp_path, check=True)
        subprocess.run(["git", *who, "commit", "-qm", "kept"], cwd=tmp_path, check=True)
        return results.measured_code()

    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    first = kept()
    for path in ("benchmarks/results/b.json", "docs/c.md"):
        (tmp_path / path).write_text("2")
        assert results.measured_code() == first
    assert kept() == first
    (tmp_path / "hoi_motion/a.py").write_text("2")
    assert results.measured_code() != first != kept()


def test_a_line_that_was_cut_off_is_measured_again(measure, tmp_path):
    measure([4, 2])
    path = tmp_path / "out" / "rows.jsonl"
    path.write_text(path.read_text()[:-5])
    assert measure([4, 2]) == ([2, 1], [2])
    assert [json.loads(line)["piece"] for line in path.read_text().splitlines()] == [4, 2]
