"""The bench's results as tables, and its scenes as a picture."""

import cv2
import numpy as np

from training.bench.cases import COMPANY_CLASSES, DIFFICULTIES, Case
from training.bench.runner import CONTESTANTS, Result
from training.bench.table import markdown_table
from training.scenes.contact_sheet import contact_sheet
from training.scenes.scene import SceneSample


def report(results: list[Result]) -> str:
    """Pooled scores of every contestant, then the adapter's by class, then how good the detector itself is.

    Classes with two people are a table of their own: a hit asks more there, and version 1 of the bench had none.
    """
    alone = [r for r in results if r.case.name not in COMPANY_CLASSES]
    together = [r for r in results if r.case.name in COMPANY_CLASSES]
    by = {name: [r for r in results if r.contestant == name] for name in CONTESTANTS}
    text = []
    for title, part in (("All classes with one person", alone), ("All classes with two people", together)):
        if part:
            rows = [(CONTESTANTS[n], [r.score for r in part if r.contestant == n]) for n in CONTESTANTS]
            chance = np.mean([1 / r.candidates for r in part])
            text += [f"{title}; value [95% interval]; hit by chance {chance:.2f}"]
            text += [markdown_table([row for row in rows if row[1]]), ""]
    text = text[:-1]
    for name in ("adapter", "truth"):
        classes = [(d.name, [r.score for r in by[name] if r.case.name == d.name]) for d in DIFFICULTIES]
        classes = [(label, part) for label, part in classes if part]
        if len(classes) > 1:
            text += ["", f"By class: {CONTESTANTS[name]}", markdown_table(classes)]
    truth = [r for r in alone if r.contestant == "truth"]
    if truth:
        text += ["", detector_accuracy(truth)]
    return "\n".join(text)


def detector_accuracy(truth: list[Result]) -> str:
    """What the detector finds in clips in which the target is touched for certain, and nothing else is."""
    found = [r for r in truth if r.score.outcome == "hit"]
    error = np.array([r.score.target_share - r.true_share for r in truth])
    return (
        f"The detector on {len(truth)} ground-truth clips: right in {len(found)}, "
        f"wrong object in {sum(r.score.outcome == 'wrong' for r in truth)}, "
        f"no touch in {sum(r.score.outcome == 'none' for r in truth)}, "
        f"no person in {sum(r.score.outcome == 'lost' for r in truth)}; "
        f"its share of frames in contact is off by {error.mean():+.2f} on average, {np.abs(error).mean():.2f} in size"
    )


def preview(scenes: list[tuple[Case, SceneSample]]) -> np.ndarray:
    """Contact sheet (H, W, 3) u8 RGB: the scenes class by class, each class under its name."""
    parts = []
    for kind in DIFFICULTIES:
        chosen = [scene for case, scene in scenes if case.name == kind.name]
        if not chosen:
            continue
        rows = contact_sheet(chosen)
        title = np.full((22, rows.shape[1], 3), (40, 60, 90), np.uint8)
        text = f"{kind.name}: {kind.shows}"
        cv2.putText(title, text, (6, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 255, 255), 1, cv2.LINE_AA)
        parts += [title, rows]
    return np.concatenate(parts)
