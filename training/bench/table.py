"""Scores of many clips as numbers with 95% intervals, and as a table to print."""

import numpy as np

from training.bench.intervals import mean_interval, wilson_interval
from training.bench.scoring import VideoScore

MEANS = ("target_share", "first_frame_psnr_db", "dynamic_degree", "motion_smoothness")


def summary(scores: list[VideoScore], trainings: int = 1) -> dict[str, dict]:
    """Every score by name: value, low and high of its 95% interval, count of clips it is of.

    Proportions (Wilson intervals): hit, contact (target touched in at least one frame), wrong, none, lost, and
    permanence of the clips where it could be judged. Means (normal intervals): see MEANS.

    Args:
        trainings: the clips are of so many trainings, one after the other, on the same scenes.
    """
    judged = [s for s in scores if s.permanence != "unclear"]
    outcomes = [s.outcome for s in scores]
    rates = {kind: (outcomes.count(kind), len(scores)) for kind in ("hit", "wrong", "none", "lost")}
    rates["contact"] = sum(s.target_share > 0 for s in scores), len(scores)
    rates["permanence"] = sum(s.permanence == "kept" for s in judged), len(judged)
    out = {}
    for name, (hits, count) in rates.items():
        low, high = wilson_interval(hits / trainings, count / trainings)
        out[name] = {"value": hits / count if count else None, "low": low, "high": high, "count": count}
    for name in MEANS:
        values = np.array([getattr(s, name) for s in scores], float)
        if not len(values):
            continue
        mean, low, high = mean_interval(values, trainings)
        out[name] = {"value": mean, "low": low, "high": high, "count": len(values)}
    return out


COLUMNS = {
    "hit": "target hit",
    "contact": "contact",
    "wrong": "wrong object",
    "target_share": "share of frames",
    "permanence": "permanence",
    "dynamic_degree": "dynamic",
    "motion_smoothness": "smoothness",
    "first_frame_psnr_db": "first frame dB",
}
_DIGITS = {"dynamic_degree": 3, "motion_smoothness": 3, "first_frame_psnr_db": 1}


def markdown_table(
    rows: list[tuple[str, list[VideoScore]]], columns: dict[str, str] = COLUMNS, trainings: int = 1
) -> str:
    """One line a row of (name, scores), each cell "value [low, high]".

    A cell says of how many clips it is where not all could be judged, "-" for none.
    """
    lines = ["| | clips | " + " | ".join(columns.values()) + " |", "|---" * (2 + len(columns)) + "|"]
    for name, scores in rows:
        numbers = summary(scores, trainings)
        cells = [_cell(numbers.get(column), _DIGITS.get(column, 2), len(scores)) for column in columns]
        lines.append(f"| {name} | {len(scores)} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(number: dict | None, digits: int, num_clips: int) -> str:
    if number is None or number["value"] is None:
        return "-"
    value, low, high = (f"{number[part]:.{digits}f}" for part in ("value", "low", "high"))
    return f"{value} [{low}, {high}]" + (f" of {number['count']}" if number["count"] < num_clips else "")
