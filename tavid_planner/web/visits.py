"""The open pages, and what is marked on each. They are isolated from each other."""

import secrets
import shutil
import threading
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from hoi_motion.progress import CancelToken
from hoi_motion.segment import MaskPrompt, SegmentedMask, segment
from tavid_planner.errors import ControlError, ErrorCode, InputError
from tavid_planner.request import InteractionRequest

TARGET = "target"
ACTOR = "person"
MAX_VISITS = 64


@dataclass
class Visit:
    """One open page. `begin`, `end`, `cancel_plan` and `close` may be called by several threads at once.

    Attributes:
        folder: of its bundles, with a name that cannot be guessed; shown: folder of the files sent to the browser.
        rgb: (H, W, 3) uint8, the picture; None before there is one.
        found: TARGET or ACTOR -> its mask; prompts: the mark it came from.
        cancel: of the running plan, None when none runs; closed: whether the page is open no longer.
    """

    folder: Path
    rgb: np.ndarray | None = None
    found: dict[str, SegmentedMask] = field(default_factory=dict)
    prompts: dict[str, MaskPrompt] = field(default_factory=dict)
    cancel: CancelToken | None = None
    plans: int = 0
    shown: Path | None = None
    closed: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def forget_shown(self) -> None:
        """Remove the copies made for the browser."""
        if self.shown is not None:
            shutil.rmtree(self.shown, ignore_errors=True)
            self.shown = None

    def show(self, rgb: np.ndarray) -> None:
        """Start with a new picture; marks on the previous one are discarded."""
        self.rgb = rgb
        self.found, self.prompts = {}, {}

    def picture(self) -> np.ndarray:  # (H, W, 3) uint8
        """The picture that is shown.

        Raises:
            InputError: NO_IMAGE before there is one.
        """
        if self.rgb is None:
            raise InputError(
                ErrorCode.NO_IMAGE, "there is no picture yet", "upload one, take one, or use the bundled frame"
            )
        return self.rgb

    def mark(self, what: str, prompt: MaskPrompt) -> SegmentedMask:
        """Find the target or the person under a mark.

        Raises:
            InputError: without a picture, or as `segment`; earlier marks are kept.
        """
        found = segment(self.picture(), prompt)
        self.found[what], self.prompts[what] = found, prompt
        return found

    def request(self, instruction: str, seed, samples, robot: str = "") -> InteractionRequest:
        """The request for the planner.

        Raises:
            InputError: what is missing or wrong.
        """
        rgb = self.picture()
        if TARGET not in self.found:
            raise InputError(ErrorCode.MASK_EMPTY, "no target is marked", "click the object in the picture")
        actor = self.found.get(ACTOR)
        target = self.found[TARGET]
        return InteractionRequest(
            rgb,
            target.mask,
            instruction,
            actor_mask=None if actor is None else actor.mask,
            seed=_whole(seed, "seed"),
            samples=_whole(samples, "samples"),
            target_source=target.words,
            robot=robot,
        )

    def begin(self) -> tuple[Path, CancelToken]:
        """Path of the next bundle, and the token that cancels its plan.

        Raises:
            ControlError: BUSY while this page's plan is being made, CANCELLED when the page was closed.
        """
        with self._lock:
            if self.closed:
                raise ControlError(ErrorCode.CANCELLED, "the page was closed", "open it again")
            if self.cancel is not None:
                raise ControlError(ErrorCode.BUSY, "your plan is still being made", "wait for it, or cancel it")
            self.plans += 1
            self.cancel = CancelToken()
            return self.folder / f"plan-{self.plans}", self.cancel

    def end(self) -> None:
        with self._lock:
            self.cancel = None

    def cancel_plan(self) -> None:
        """Cancel the plan that runs, if one does."""
        with self._lock:
            if self.cancel is not None:
                self.cancel.cancel()

    def close(self) -> None:
        """Cancel the plan that runs; none begins any more."""
        with self._lock:
            self.closed = True
        self.cancel_plan()


class Visits:
    """The open pages by browser session. Thread-safe.

    Args:
        folder: for all bundles, in one folder per page; keep: keep them when a page is closed.
    """

    def __init__(self, folder: Path, keep: bool = False):
        self._folder, self._keep = folder, keep
        self._visits: dict[str, Visit] = {}
        self._lock = threading.Lock()

    def of(self, session: str | None) -> Visit:
        """The visit of a session, a new one for a new session.

        Raises:
            ControlError: BUSY for a call without a session, or when too many pages are open.
            InputError: OUTPUT_INVALID when there is no place for its bundles.
        """
        if not session:
            raise ControlError(ErrorCode.BUSY, "the call does not come from an open page", "open the page in a browser")
        with self._lock:
            if session not in self._visits:
                if len(self._visits) >= MAX_VISITS:
                    raise ControlError(ErrorCode.BUSY, f"{MAX_VISITS} pages are open", "come back later")
                folder = self._folder / secrets.token_hex(12)
                try:
                    folder.mkdir(parents=True)
                except OSError as error:
                    told = f"there is no place for your plans: {error.strerror}"
                    raise InputError(ErrorCode.OUTPUT_INVALID, told, "tell whoever runs this page") from error
                self._visits[session] = Visit(folder)
            return self._visits[session]

    def leave(self, session: str | None) -> None:
        """A page was closed: cancel its plan, remove its bundles unless they are kept."""
        with self._lock:
            visit = self._visits.pop(session or "", None)
        if visit is None:
            return
        visit.close()
        visit.forget_shown()
        if not self._keep:
            shutil.rmtree(visit.folder, ignore_errors=True)

    def close(self) -> None:
        """The page is served no longer: nothing of the open ones stays behind that would not of closed ones."""
        for session in list(self._visits):
            self.leave(session)


def _whole(value, name: str) -> int:
    if value is None or float(value) != int(value):
        raise InputError(ErrorCode.CONFIG_INVALID, f"{name} is {value!r}, expected a whole number")
    return int(value)
