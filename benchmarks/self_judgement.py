"""Whether the lift knows when it is wrong: its own estimates against the truth.

python -m benchmarks.self_judgement ROWS.jsonl ...

ROWS are the files that benchmarks.lift and benchmarks.mocap_figures write with --out. A lift is wrong if the joints of
its worst frame are off by more than 10% of the person's height on average: in the picture, or in 3D relative to the
pelvis. AUC: probability that a wrong lift has a higher `wrong_probability` than a right one.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

from benchmarks.results import Value, add_save_option, save
from training.json_lines import read_lines

WRONG = 0.10
RIGHT = 0.05  # of a frame, in the picture
KINDS = {"worst_frame_picture": "in the picture", "worst_frame_space": "in space"}


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rows", nargs="+", type=Path, metavar="FILE", help="--out of benchmarks.lift or mocap_figures")
    add_save_option(parser, "self_judgement")
    arguments = parser.parse_args(argv)
    by_file = {path.stem: [row for row in read_lines(path) if "error" not in row] for path in arguments.rows}
    by_file["all"] = [row for rows in by_file.values() for row in rows]
    if not by_file["all"]:
        print("error: no lifted clip in these files", file=sys.stderr)
        return 2
    print(f"{'':20}{'clips':>6}" + "".join(f"{'wrong ' + kind:>24}{'AUC':>6}" for kind in KINDS.values()))
    for name, rows in by_file.items():
        print(f"{name:20}{len(rows):6}" + "".join(_cell(rows, column) for column in KINDS))
    truth, says = (
        np.array([row[key] for row in by_file["all"]]) for key in ("frames_within", "frames_within_5_percent")
    )
    print(f"share of frames within {100 * RIGHT:.0f}% in the picture: {truth.mean():.2f}, estimated {says.mean():.2f}")
    if arguments.save:
        save(arguments.save, "the lift's own estimates, against the truth", values(by_file["all"]))
    return 0


def _cell(rows: list[dict], column: str) -> str:
    wrong, says = _columns(rows, column)
    return f"{wrong.sum():24}{auc(says, wrong):6.2f}"


def _columns(rows: list[dict], column: str) -> tuple[np.ndarray, np.ndarray]:
    return np.array([row[column] > WRONG for row in rows]), np.array([row["wrong_probability"] for row in rows])


def auc(says: np.ndarray, wrong: np.ndarray) -> float:  # (N,), (N,) bool
    """Share of pairs of a wrong and a right lift in which the wrong one's number is higher; NaN without pairs."""
    pairs = says[wrong][:, None] - says[~wrong][None]
    return float(np.mean((pairs > 0) + 0.5 * (pairs == 0))) if pairs.size else float("nan")


def values(rows: list[dict]) -> dict[str, Value]:
    found = {"clips": Value(len(rows))}
    for column in KINDS:
        wrong, says = _columns(rows, column)
        name = column.replace("worst_frame_", "")
        found[f"wrong_{name}"] = Value(int(wrong.sum()))
        if 0 < wrong.sum() < len(wrong):
            found[f"auc_{name}"] = Value(auc(says, wrong))
    return found


if __name__ == "__main__":
    sys.exit(main())
