"""The folder of a batch: each result once, and only of what was asked."""

import threading
from pathlib import Path

import pytest

from tavid_planner.batch.request_list import read_request_list
from tavid_planner.batch.results import BatchFolder
from tavid_planner.config import load_profile, with_options
from tavid_planner.errors import ErrorCode, InputError, LiftError, VideoError

CONFIG = load_profile("mini")


@pytest.fixture
def results(tmp_path, write_list):
    folder = BatchFolder(tmp_path / "out")
    folder.claim(CONFIG, read_request_list(write_list("picks up the [TGT] mug")))
    return folder


def test_another_profile_does_not_mix_with_what_is_there(results, tmp_path, write_list):
    requests = read_request_list(write_list("picks up the [TGT] mug"))
    with pytest.raises(InputError, match="another profile"):
        results.claim(with_options(CONFIG, ["video.num_inference_steps=1"]), requests)


def test_a_request_that_has_changed_is_refused_by_name_once_it_has_a_plan(results, write_list):
    (results.plans / "r0").mkdir()
    for retry_errors in (False, True):
        with pytest.raises(InputError, match="another request r0 - choose another folder"):
            results.claim(CONFIG, read_request_list(write_list("lifts the [TGT] mug")), retry_errors)


def test_a_request_that_failed_may_be_mended_and_retried(results, write_list):
    results.write_error("r0", LiftError(ErrorCode.NO_ACTOR, "nobody"))
    mended = read_request_list(write_list("lifts the [TGT] mug"))
    with pytest.raises(InputError, match="another request r0 - retry it with --retry-errors"):
        results.claim(CONFIG, mended)
    assert results.has("r0")
    results.claim(CONFIG, mended, retry_errors=True)
    assert not results.has("r0")
    results.claim(CONFIG, mended)


def test_another_profile_costs_no_error_that_was_to_be_retried(results, write_list):
    results.write_error("r0", LiftError(ErrorCode.NO_ACTOR, "nobody"))
    with pytest.raises(InputError, match="another profile"):
        other = with_options(CONFIG, ["video.num_inference_steps=1"])
        results.claim(other, read_request_list(write_list("picks up the [TGT] mug")), retry_errors=True)
    assert results.has("r0")


def test_requests_may_be_added(results, write_list):
    results.claim(CONFIG, read_request_list(write_list("picks up the [TGT] mug", "lifts the [TGT] mug")))
    results.claim(CONFIG, read_request_list(write_list("picks up the [TGT] mug")))


def test_a_folder_of_something_else_is_left_alone(tmp_path, write_list):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "letter.txt").write_text("dear")
    with pytest.raises(InputError, match="not a batch folder"):
        BatchFolder(tmp_path / "home").claim(CONFIG, read_request_list(write_list("picks up the [TGT] mug")))


def test_two_processes_make_the_same_result_only_once(results):
    made, started = [], threading.Event()

    def make(folder: Path) -> None:
        made.append(folder)
        started.set()
        threading.Event().wait(0.2)
        folder.mkdir()

    first = threading.Thread(target=results.once, args=("r0", make))
    first.start()
    started.wait()
    results.once("r0", make)
    first.join()
    assert made == [results.plans / "r0"]


def test_an_error_of_the_request_is_its_result(results):
    def make(folder):
        raise LiftError(ErrorCode.NO_ACTOR, "nobody is in the picture")

    results.once("r0", make)
    row = results.row("r0")
    assert (row.outcome, row.words) == ("NO_ACTOR", "nobody is in the picture")


def test_a_missing_model_is_no_request_s_result(results):
    def make(folder):
        raise VideoError(ErrorCode.MODEL_MISSING, "no model")

    with pytest.raises(VideoError):
        results.once("r0", make)
    assert not results.has("r0")


def test_errors_can_be_forgotten_and_plans_cannot(results, write_list):
    results.write_error("r0", LiftError(ErrorCode.NO_ACTOR, "nobody"))
    (results.plans / "r1").mkdir()
    texts = ["picks up the [TGT] mug", "lifts the [TGT] mug"]
    results.claim(CONFIG, read_request_list(write_list(*texts)), retry_errors=True)
    assert not results.has("r0") and results.has("r1")


@pytest.mark.parametrize(
    "content", ['{"schema": 1}', '{"schema": 1, "robot": 5, "timings_s": [], "reasons": [], "verdict": 1}']
)
def test_a_result_that_lacks_its_facts_is_named_as_damaged(results, content):
    (results.plans / "r0").mkdir()
    (results.plans / "r0" / "plan.json").write_text(content)
    with pytest.raises(InputError, match="damaged.* remove this result") as error:
        results.row("r0")
    assert error.value.code is ErrorCode.FILE_INVALID


def test_a_claim_whose_requests_are_no_names_is_named_as_damaged(results, tmp_path, write_list):
    path = results.folder / "batch.json"
    path.write_text(path.read_text().replace('"requests": {', '"requests": [], "older": {'))
    with pytest.raises(InputError, match="damaged"):
        results.claim(CONFIG, read_request_list(write_list("picks up the [TGT] mug")))


@pytest.mark.parametrize("name", ["errors/r0.json", "plans/r0/motion.npz"])
def test_a_result_that_was_half_copied_is_named_with_what_to_do(results, name):
    (results.folder / name).parent.mkdir(exist_ok=True)
    (results.folder / name).write_bytes(b"")
    with pytest.raises(InputError, match="r0.* remove this result"):
        results.row("r0")
