"""Batches on one machine, with real processes and a planner that does what the instruction says."""

import itertools

import pytest

from tavid_planner.batch.local import answer_here, places
from tavid_planner.batch.request_list import read_request_list
from tavid_planner.batch.results import BatchFolder
from tavid_planner.config import load_profile, with_options

CONFIG = with_options(load_profile("mini"), ["video.device=cpu", "bundle.film=false"])


@pytest.fixture
def answer(tmp_path, quick_planner, write_list):
    """A function that answers instructions, and returns the names in the order of their ends and the folder."""

    def run(*instructions, workers=1, most=None):
        requests = read_request_list(write_list(*instructions))
        results = BatchFolder(tmp_path / "out")
        results.claim(CONFIG, requests)
        missing = [r for r in requests if not results.has(r.name)]
        done = answer_here(missing, CONFIG, results, [{}] * workers, quick_planner)
        names = list(itertools.islice(done, most))
        done.close()
        return names, results

    return run


def test_every_request_gets_its_result_also_beside_one_that_ends_its_process_again_and_again(answer):
    names, results = answer("crashes the [TGT] mug", "dies at the [TGT] mug", "picks up the [TGT] mug")
    assert sorted(names) == ["r0", "r1", "r2"]
    assert "nobody foresaw this" in results.row("r0").words
    assert "exit code 7" in results.row("r1").words
    assert results.row("r2").outcome == "PASS"


@pytest.mark.parametrize("instruction", ["vanishes with the [TGT] mug", "fills the [TGT] mug till it is full"])
def test_a_bundle_whose_process_could_not_say_that_it_is_whole_is_the_result(answer, instruction):
    """Tried again, it would find that its folder exists, which ends the batch."""
    names, results = answer(instruction, "picks up the [TGT] mug")
    assert sorted(names) == ["r0", "r1"]
    assert [results.row(name).outcome for name in ("r0", "r1")] == ["PASS", "PASS"]
    assert not list(results.errors.iterdir())


def test_a_batch_that_was_stopped_goes_on_with_what_is_missing(answer):
    first, _ = answer(*["crashes the [TGT] mug"] * 3, most=1)
    rest, results = answer(*["crashes the [TGT] mug"] * 3)
    assert not set(first) & set(rest)
    assert all(results.has(f"r{k}") for k in range(3))


def test_each_process_has_its_share_of_the_cores(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr("tavid_planner.batch.local._cores", lambda: 8)
    assert places(CONFIG, 2) == [{"OMP_NUM_THREADS": "4"}] * 2


def test_each_gpu_gets_its_process_and_two_processes_share_one_in_turn(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr("tavid_planner.batch.local._gpus", lambda: ["3", "5"])
    config = with_options(CONFIG, ["video.device=cuda"])
    assert [place["CUDA_VISIBLE_DEVICES"] for place in places(config, None)] == ["3", "5"]
    assert [place["CUDA_VISIBLE_DEVICES"] for place in places(config, 3)] == ["3", "5", "3"]


def test_a_request_on_which_a_reader_fails_costs_no_other_its_place(answer, monkeypatch):
    from tavid_planner.request_files import RequestFiles

    read = RequestFiles.read

    def fails_at_times(files):
        if "breaks" in files.instruction:
            raise ZeroDivisionError("nobody foresaw this")
        return read(files)

    monkeypatch.setattr(RequestFiles, "read", fails_at_times)
    names, results = answer("breaks the [TGT] mug", "picks up the [TGT] mug")
    assert sorted(names) == ["r0", "r1"]
    assert "nobody foresaw this" in results.row("r0").words and results.row("r1").outcome == "PASS"
