"""The open pages, and what is marked on each. They are isolated from each other."""

import secrets
import shutil
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from hoi_motion.camera import OF_PHOTO
from hoi_motion.progress import CancelToken
from hoi_motion.segment import MaskPrompt, SegmentedMask, segment
from tavid_planner.errors import ControlError, ErrorCode, InputError
from tavid_planner.request import InteractionRequest

TARGET = "target"
ACTOR = "person"
MAX_VISITS = 64
UNUSED_S = 3600.0
"""A page that has not been used for so long gives its place to a new one, when no other is free."""


@dataclass
class Visit:
    """One open page. `begin`, `end`, `cancel_plan` and `close` may be called by several threads at once.

    Attributes:
        folder: of its bundles, with a name that cannot be guessed; shown: folder of the files sent to the browser.
        rgb: (H, W, 3) uint8, the picture; None before there is one. intrinsics: (3, 3) that its file states, or None.
        found: TARGET or ACTOR -> its mask.
        keep: whether its bundles stay when it is closed.
        cancel: of the running plan, None when none runs; closed: whether the page is open no longer.
        used_s: when it was last used, on the monotonic clock.
    """

    folder: Path
    keep: bool = False
    rgb: np.ndarray | None = None
    intrinsics: np.ndarray | None = None
    found: dict[str, SegmentedMask] = field(default_factory=dict)
    cancel: CancelToken | None = None
    plans: int = 0
    shown: Path | None = None
    closed: bool = False
    used_s: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def forget_shown(self) -> None:
        """Remove the copies made for the browser."""
        if self.shown is not None:
            shutil.rmtree(self.shown, ignore_errors=True)
            self.shown = None

    def show(self, rgb: np.ndarray, intrinsics: np.ndarray | None = None) -> None:
        """Start with a new picture; marks on the previous one are discarded."""
        with self._lock:
            self.rgb, self.intrinsics = rgb, intrinsics
            self.found = {}

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

    def mark(self, what: str, prompt: MaskPrompt) -> tuple[np.ndarray, SegmentedMask]:
        """Find the target or the person under a mark.

        Returns:
            The picture, which may have been changed for another one since, and the mask in it.

        Raises:
            InputError: without a picture, or as `segment`; earlier marks are kept. MASK_INVALID when another picture
                was shown meanwhile, in which the mark means nothing.
        """
        rgb = self.picture()
        found = segment(rgb, prompt)
        with self._lock:
            if self.rgb is not rgb:
                raise InputError(
                    ErrorCode.MASK_INVALID, "another picture was given meanwhile", f"click the {what} in that one"
                )
            self.found[what] = found
        return rgb, found

    def request(self, instruction: str, seed, samples, robot: str = "") -> InteractionRequest:
        """The request for the planner.

        Raises:
            InputError: what is missing or wrong.
        """
        with self._lock:
            rgb, intrinsics, found = self.picture(), self.intrinsics, dict(self.found)
        if TARGET not in found:
            raise InputError(ErrorCode.MASK_EMPTY, "no target is marked", "click the object in the picture")
        target, actor = found[TARGET], found.get(ACTOR)
        return InteractionRequest(
            rgb,
            target.mask,
            instruction,
            actor_mask=None if actor is None else actor.mask,
            intrinsics=intrinsics,
            intrinsics_source=OF_PHOTO,
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
        """The plan that ran has ended; of a page that was closed meanwhile, nothing that it wrote stays behind."""
        with self._lock:
            self.cancel, self.used_s = None, time.monotonic()  # a plan may take longer than UNUSED_S
            closed = self.closed
        if closed:
            self._clear()

    def cancel_plan(self) -> None:
        """Cancel the plan that runs, if one does."""
        with self._lock:
            if self.cancel is not None:
                self.cancel.cancel()

    def close(self) -> None:
        """Cancel the plan that runs, and remove the bundles unless they are kept; no plan begins any more."""
        with self._lock:
            self.closed = True
        self.cancel_plan()
        self._clear()

    def _clear(self) -> None:
        self.forget_shown()
        if not self.keep:
            shutil.rmtree(self.folder, ignore_errors=True)


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
            unused = self._pop_unused() if session not in self._visits and len(self._visits) >= MAX_VISITS else []
        for visit in unused:  # removes their files: no other page should wait for that
            visit.close()
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
                self._visits[session] = Visit(folder, self._keep)
            visit = self._visits[session]
            visit.used_s = time.monotonic()
            return visit

    def _pop_unused(self) -> list[Visit]:
        """Pages that nobody has used for long, to be closed: of one that was lost on the way, no end is heard."""
        latest_s = time.monotonic() - UNUSED_S
        unused = [s for s, visit in self._visits.items() if visit.used_s < latest_s and visit.cancel is None]
        return [self._visits.pop(session) for session in unused]

    def leave(self, session: str | None) -> None:
        """A page was closed: cancel its plan, remove its bundles unless they are kept."""
        with self._lock:
            visit = self._visits.pop(session or "", None)
        if visit is not None:
            visit.close()

    def close(self) -> None:
        """The page is served no longer: nothing of the open ones stays behind that would not of closed ones."""
        for session in list(self._visits):
            self.leave(session)


def _whole(value, name: str) -> int:
    if value is None or float(value) != int(value):
        raise InputError(ErrorCode.CONFIG_INVALID, f"{name} is {value!r}, expected a whole number")
    return int(value)
