"""One run of the planner for a page: in a thread, with progress, cancelled when the page is closed."""

import queue
import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tavid_planner.config import PlannerConfig
from tavid_planner.errors import ControlError, ErrorCode, TavidError
from tavid_planner.request import InteractionRequest
from tavid_planner.web.visits import Visit
from tavid_planner.worker.desk import PlannerDesk
from tavid_planner.worker.messages import MadePlan

STEP_S = 0.25


@dataclass(frozen=True)
class Step:
    """How far a run is.

    Attributes:
        done: stage -> fraction; place: number of plans ahead in the queue.
        made: the plan once finished; error: why there is none.
    """

    done: dict[str, float] = field(default_factory=dict)
    place: int = 0
    made: MadePlan | None = None
    error: TavidError | None = None
    seconds: float = 0.0


def run(desk: PlannerDesk, visit: Visit, request: InteractionRequest, config: PlannerConfig) -> Iterator[Step]:
    """Make a plan and yield its progress regularly. A caller that stops iterating cancels it.

    Raises:
        ControlError: BUSY while this page's plan is being made.
    """
    folder, cancel = visit.begin()
    news: queue.SimpleQueue[tuple] = queue.SimpleQueue()

    def work() -> None:
        try:
            made = desk.plan(
                request,
                config,
                folder,
                lambda stage, fraction: news.put(("progress", stage, fraction)),
                cancel,
                on_place=lambda place: news.put(("place", place)),
                video=False,  # the page shows that of the bundle
            )
            news.put(("made", made))
        except TavidError as error:
            news.put(("error", error))
        except Exception as error:  # unexpected: the page must still be told that it has ended
            news.put(("error", ControlError(ErrorCode.INTERNAL, f"{type(error).__name__}: {error}", "see the log")))

    started = time.monotonic()
    thread = threading.Thread(target=work, name="web plan", daemon=True)
    thread.start()
    done: dict[str, float] = {}
    place = 0
    try:
        while True:
            yield Step(dict(done), place, seconds=time.monotonic() - started)
            for kind, *what in _soon(news):
                if kind == "progress":
                    stage, fraction = what
                    if stage != "wait":
                        place, done[stage] = 0, fraction
                elif kind == "place":
                    (place,) = what
                else:
                    ending = {kind: what[0]}
                    yield Step(dict(done), 0, seconds=time.monotonic() - started, **ending)
                    return
    finally:
        cancel.cancel()
        thread.join()
        visit.end()


def _soon(news: queue.SimpleQueue) -> Iterator[tuple]:
    """All queued items, after waiting briefly for the first."""
    try:
        yield news.get(timeout=STEP_S)
        while True:
            yield news.get_nowait()
    except queue.Empty:
        return


def packed(folder: Path, place: Path) -> Path:
    """The bundle as one zip file in the folder `place`.

    Raises:
        OSError: it cannot be written.
    """
    return Path(shutil.make_archive(str(place / folder.name), "zip", folder.parent, folder.name))
