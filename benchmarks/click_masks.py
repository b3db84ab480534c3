"""Masks from one click, and from a box, against ground truth: `python -m benchmarks.click_masks --save`.

Held-out scenes at 480x720, clicked at the mask's pixel nearest to its middle. With --real also photographs: one folder
each, with first.png and mask.png.
"""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.results import Value, add_save_option, save
from hoi_motion.errors import TavidError
from hoi_motion.segment import MaskPrompt, segment
from hoi_motion.segment.candidates import overlap

SIZE_PX = (480, 720)
GOOD = 0.75
GOOD_REAL = 0.70
FRAMES = 3
WAYS = ("click", "box")


@dataclass(frozen=True)
class Outcome:
    """For one picture and each of WAYS: overlap with the truth and names of the doubts."""

    name: str
    overlaps: dict[str, float]
    doubts: dict[str, tuple[str, ...]]


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scenes", type=int, default=100)
    parser.add_argument("--real", type=Path, metavar="DIR", help="also photographs: DIR/NAME/first.png and mask.png")
    parser.add_argument("--segmenter", default="grabcut")
    add_save_option(parser, "click_masks")
    arguments = parser.parse_args(argv)
    outcomes = [measured(*scene_case(k), arguments.segmenter) for k in range(arguments.scenes)]
    for outcome in outcomes:
        if min(outcome.overlaps.values()) < GOOD:
            print(told(outcome))
    values = scene_values(outcomes)
    real = real_cases(arguments.real) if arguments.real else []
    photographs = [measured(*case, arguments.segmenter) for case in real]
    for outcome in photographs:
        print(told(outcome))
    values |= real_values(photographs)
    for field, value in values.items():
        print(f"{field:<24} {value.value:.3f}")
    if arguments.save:
        save(arguments.save, "masks from one click, and from a box, against the truth", values)
    return 0


def scene_case(number: int) -> tuple[str, np.ndarray, np.ndarray]:
    """Name, image and true mask of a held-out scene."""
    from training.scenes.scene import HELD_OUT_SEED, generate_scene

    scene = generate_scene(HELD_OUT_SEED + number, *SIZE_PX, FRAMES, supersampling=1)
    return str(scene.seed), scene.frames[0], scene.target_mask


def real_cases(folder: Path) -> list[tuple[str, np.ndarray, np.ndarray]]:
    from hoi_motion.media.image_files import read_image, read_mask

    found = sorted(path.parent for path in folder.glob("*/first.png") if path.with_name("mask.png").is_file())
    return [(f.name, read_image(f / "first.png"), read_mask(f / "mask.png")) for f in found]


def middle_px(mask: np.ndarray) -> tuple[int, int]:
    """The pixel of a mask that is nearest to its centre of area, x and y."""
    pixels = np.argwhere(mask)
    row, column = pixels[np.linalg.norm(pixels - pixels.mean(0), axis=1).argmin()]
    return int(column), int(row)


def measured(name: str, rgb: np.ndarray, mask: np.ndarray, segmenter: str) -> Outcome:
    rows, columns = np.nonzero(mask)
    box = (columns.min(), rows.min(), columns.max(), rows.max())
    prompts = {"click": MaskPrompt(click_px=middle_px(mask)), "box": MaskPrompt(box_px=box)}
    overlaps, doubts = {}, {}
    for way in WAYS:
        try:
            found = segment(rgb, prompts[way], segmenter)
            overlaps[way], doubts[way] = overlap(found.mask, mask), tuple(d.name for d in found.doubts)
        except TavidError as error:  # refused: no mask, with an error
            overlaps[way], doubts[way] = 0.0, (error.code.name,)
    return Outcome(name, overlaps, doubts)


def told(outcome: Outcome) -> str:
    parts = [f"{way} {outcome.overlaps[way]:.2f} {' '.join(outcome.doubts[way])}".strip() for way in WAYS]
    return f"{outcome.name:<14} {', '.join(parts)}"


def scene_values(outcomes: list[Outcome]) -> dict[str, Value]:
    found = {"scenes": Value(len(outcomes))}
    for way in WAYS:
        overlaps = np.array([o.overlaps[way] for o in outcomes])
        doubted = np.array([bool(o.doubts[way]) for o in outcomes])
        found[f"{way}_median"] = Value(float(np.median(overlaps)))
        found[f"{way}_good"] = Value(float((overlaps > GOOD).mean()))
        found[f"{way}_doubted"] = Value(float(doubted.mean()))
        found[f"{way}_wrong_undoubted"] = Value(float((~doubted & (overlaps <= GOOD)).mean()))
    return found


def real_values(outcomes: list[Outcome]) -> dict[str, Value]:
    """No values without photographs."""
    if not outcomes:
        return {}
    good = {way: sum(o.overlaps[way] >= GOOD_REAL for o in outcomes) for way in WAYS}
    doubted = sum(o.overlaps["click"] < GOOD_REAL and bool(o.doubts["click"]) for o in outcomes)
    return {
        "photographs": Value(len(outcomes)),
        "photographs_click_good": Value(good["click"]),
        "photographs_click_doubted": Value(doubted),
        "photographs_box_good": Value(good["box"]),
    }


if __name__ == "__main__":
    sys.exit(main())
