"""Long measurements in pieces: one JSON line per piece, so that an interrupted run can continue."""

import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tqdm import tqdm

from benchmarks.results import measured_code
from hoi_motion.processes import as_they_come
from training.json_lines import append_line, drop_cut_line, read_lines


def measure_pieces(
    measure: Callable[..., dict],
    jobs: dict,
    out: Path | None = None,
    workers: int = 1,
    about: dict | None = None,
    **settings,
) -> list[dict]:
    """The row of every job, in order; rows in the file are not measured again.

    Args:
        measure: function of a module; called with a job's arguments and the settings, returns JSON-able data.
        jobs: name of the piece, a string or a number, -> tuple of arguments.
        out: file to which each row is appended at once, with `piece`, `about`, the settings and `code`, a digest; None
            for no file.
        workers: processes; one is this one.
        about: what else the rows depend on, such as the profile in the jobs' arguments; JSON-able.
        settings: rows in the file with other settings, about something else or by other code or weights are ignored.
    """
    known, marks = {}, json.loads(json.dumps((about or {}) | settings | {"code": measured_code()}))
    if out:
        out.parent.mkdir(parents=True, exist_ok=True)
        drop_cut_line(out)
        known = {row["piece"]: row for row in read_lines(out) if marks.items() <= row.items()}
    missing = {name: arguments for name, arguments in jobs.items() if name not in known}
    found = as_they_come(partial(measure, **settings), missing, workers)
    for name, row in tqdm(found, total=len(missing), unit="piece", disable=not sys.stderr.isatty()):
        known[name] = {"piece": name} | marks | row
        if out:
            append_line(out, known[name])
    return [known[name] for name in jobs]
