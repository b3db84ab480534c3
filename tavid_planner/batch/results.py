"""The folder of a batch: a bundle or an error for every request, written atomically, and the settings used.

batch.json          profile, and the digest of every request
plans/NAME/         plan bundle
errors/NAME.json    why there is none: code, name, message, hint
"""

import json
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from hoi_motion.errors import shown
from hoi_motion.files import write_whole
from hoi_motion.lock import only_writer
from hoi_motion.options import to_mapping
from hoi_motion.reading.text import read_json
from tavid_planner.batch.request_list import ListedRequest
from tavid_planner.bundle import load_plan_json
from tavid_planner.config import PlannerConfig
from tavid_planner.errors import ErrorCode, InputError, TavidError

CLAIM = "batch.json"
HINT = "tavid-plan batch writes such folders"
REDO = "remove this result, and run the command again"
# errors that would affect every request: they end the batch and are no request's result
ENDS_THE_BATCH = {
    ErrorCode.MODEL_MISSING,
    ErrorCode.ADAPTER_INCOMPATIBLE,
    ErrorCode.BODY_MODEL_MISSING,
    ErrorCode.OUTPUT_INVALID,
    ErrorCode.CANCELLED,
}
WAIT_S = 0.5
"""Polling period for a request that another process, perhaps of an earlier run, is still working on."""
PATIENCE_S = 30.0


@dataclass(frozen=True)
class Row:
    """One line of the summary.

    Attributes:
        outcome: a verdict, or the name of an error.
        words: reasons of the verdict, or the error's message.
        done: whether the robot succeeded; None without a robot.
        seconds: time to plan.
    """

    name: str
    outcome: str
    words: str = ""
    done: bool | None = None
    seconds: float | None = None


class BatchFolder:
    """The results of a batch, and which are still missing."""

    def __init__(self, folder):
        self.folder = Path(folder).absolute()
        self.plans, self.errors = self.folder / "plans", self.folder / "errors"

    def claim(self, config: PlannerConfig, requests: list[ListedRequest], retry_errors: bool = False) -> None:
        """Create the folder, or check that its results are for the same profile and requests.

        New requests may be added, and those without a result changed.

        Args:
            retry_errors: forget the errors of these requests, which may then have changed as well.

        Raises:
            InputError: CONFIG_INVALID when the profile or a request with a result has changed; OUTPUT_INVALID.
        """
        profile = json.loads(json.dumps(to_mapping(config)))
        digests = {request.name: request.digest for request in requests}
        path = self.folder / CLAIM
        if path.is_file():
            digests = self._claimed(path, profile, digests, retry_errors) | digests
        elif self.folder.exists() and (not self.folder.is_dir() or any(self.folder.iterdir())):
            raise InputError(
                ErrorCode.OUTPUT_INVALID, f"{self.folder} is not a batch folder", "choose one that does not exist yet"
            )
        try:
            for folder in (self.plans, self.errors):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(ErrorCode.OUTPUT_INVALID, f"cannot write {self.folder}: {error.strerror}") from error
        if retry_errors:  # before their new digests are written: an error must not become another request's
            for request in requests:
                self._error_file(request.name).unlink(missing_ok=True)
        write_whole(path, json.dumps({"profile": profile, "requests": digests}, indent=1).encode())

    def _claimed(self, path: Path, profile: dict, digests: dict[str, str], retry_errors: bool) -> dict[str, str]:
        """The digests of the requests that the folder is claimed for, where these ones may be added to them.

        Raises:
            InputError: as `claim`; FILE_INVALID for a damaged claim.
        """
        there = read_json(path, "the claim of a batch", hint=HINT)
        known = there.get("requests", {})
        if not isinstance(known, dict):
            raise _damaged(path, f"requests is {shown(known)}")
        changed = [name for name, digest in digests.items() if known.get(name, digest) != digest]
        mixed = [name for name in changed if self._has_plan(name) or (self.has(name) and not retry_errors)]
        if there.get("profile") != profile or mixed:
            what = f"request {mixed[0]}" if mixed else "profile"
            failed = bool(mixed) and not self._has_plan(mixed[0])
            hint = "retry it with --retry-errors" if failed else "choose another folder"
            raise InputError(ErrorCode.CONFIG_INVALID, f"{self.folder} holds results of another {what}", hint)
        return known

    def has(self, name: str) -> bool:
        """Whether a request has its result."""
        return self._has_plan(name) or self._error_file(name).is_file()

    def _has_plan(self, name: str) -> bool:
        return (self.plans / name).is_dir()

    def _error_file(self, name: str) -> Path:
        return self.errors / f"{name}.json"

    def once(self, name: str, make) -> None:
        """Make the result of a request unless it exists, with a lock against other processes.

        Args:
            make: called with the bundle's folder.

        Raises:
            TavidError: an error that is not due to the request; those that are become its result.
        """
        deadline = time.monotonic() + PATIENCE_S
        with ExitStack() as held:
            while not self.has(name):
                try:
                    held.enter_context(only_writer(self.plans / name, "plan"))
                except InputError:
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(WAIT_S)
                else:
                    break
            # it may have been made between the last check and the lock
            if not self.has(name):
                self._make(name, make)

    def _make(self, name: str, make) -> None:
        try:
            make(self.plans / name)
        except TavidError as error:
            if error.code in ENDS_THE_BATCH:
                raise
            self.write_error(name, error)

    def write_error(self, name: str, error: TavidError) -> None:
        """Store an error as the result of this request."""
        facts = {"code": int(error.code), "name": error.code.name, "message": error.message, "hint": error.hint}
        write_whole(self._error_file(name), json.dumps(facts, indent=1).encode())

    def row(self, name: str) -> Row:
        """The result of a request as one line of the summary.

        Raises:
            InputError: FILE_INVALID for a damaged result.
        """
        if (path := self._error_file(name)).is_file():
            facts = read_json(path, "the error of a request", hint=REDO)
            return Row(name, str(facts.get("name")), str(facts.get("message")))
        if not self._has_plan(name):
            return Row(name, "MISSING")
        try:
            plan = load_plan_json(self.plans / name)
            robot = plan["robot"] or {}
            seconds = sum(plan["timings_s"].values())
            return Row(name, str(plan["verdict"]), "; ".join(plan["reasons"]), robot.get("done"), seconds)
        except InputError as error:
            raise InputError(error.code, error.message, REDO) from error
        except (LookupError, TypeError, AttributeError) as error:
            raise _damaged(self.plans / name / "plan.json", f"{type(error).__name__} {error}") from error


def _damaged(path: Path, reason: str) -> InputError:
    return InputError(ErrorCode.FILE_INVALID, f"{path} is damaged: {reason}", REDO)
