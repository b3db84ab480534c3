"""The cost of one plan: seconds per stage, and the peak memory of the process.

python -m benchmarks.plan [--repeats 3] [--save]

The first plan of a fresh process includes loading; the later ones use loaded models.
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.results import Value, add_save_option, save

STAGES = ("load", "video", "lift", "check", "save")


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--profile", default="mini")
    parser.add_argument("--image", type=Path, help="camera frame; default config/demo/frame.png")
    parser.add_argument("--mask", type=Path, help="mask; default config/demo/mask.png")
    parser.add_argument("--instruction", help="default config/demo/instruction.txt")
    parser.add_argument("--repeats", type=int, default=3, help="plans in one process")
    add_save_option(parser, "plan")
    arguments = parser.parse_args(argv)
    plans = measure(arguments)
    print(table(plans, arguments.profile))
    if arguments.save:
        save(arguments.save, f"one plan of the profile {arguments.profile}, seconds per stage", values(plans))
    return 0


def values(plans: list[dict[str, float]]) -> dict[str, Value]:
    """The first plan's stages, the median total of the later ones, and the peak memory."""
    first = {stage: Value(plans[0][stage], "s") for stage in (*STAGES, "whole")}
    later = {"later_whole": Value(statistics.median(p["whole"] for p in plans[1:]), "s")} if plans[1:] else {}
    return first | later | {"peak_gib": Value(max(p["peak_gib"] for p in plans), "GiB")}


def measure(arguments: argparse.Namespace) -> list[dict[str, float]]:
    """Seconds per stage of every plan, its total, and the peak memory after it."""
    from hoi_motion.media.image_files import read_image, read_mask
    from hoi_motion.scripts.progress_bar import ProgressBar
    from tavid_planner.bundle import load_plan_json, save_plan
    from tavid_planner.cli.quiet import quiet_libraries
    from tavid_planner.config import load_profile, share_folder
    from tavid_planner.planner import Planner
    from tavid_planner.provenance import peak_memory_bytes
    from tavid_planner.request import InteractionRequest

    quiet_libraries(debug=False)
    demo = share_folder() / "config" / "demo"
    request = InteractionRequest(
        rgb=read_image(arguments.image or demo / "frame.png"),
        target_mask=read_mask(arguments.mask or demo / "mask.png"),
        instruction=arguments.instruction or (demo / "instruction.txt").read_text().strip(),
    )
    planner, plans = Planner(load_profile(arguments.profile)), []
    with tempfile.TemporaryDirectory(prefix="tavid-benchmark-") as folder, ProgressBar() as on_progress:
        for k in range(arguments.repeats):
            start = time.perf_counter()
            bundle = save_plan(planner.plan(request, on_progress), Path(folder) / str(k), on_progress)
            whole_s = time.perf_counter() - start
            timings_s = load_plan_json(bundle)["timings_s"]
            plans.append(timings_s | {"whole": whole_s, "peak_gib": peak_memory_bytes() / 2**30})
    return plans


def table(plans: list[dict[str, float]], profile: str) -> str:
    """Markdown: the first plan, and the median of the following ones."""
    columns = {"first plan": plans[0]}
    if len(plans) > 1:
        columns[f"later plans, median of {len(plans) - 1}"] = {
            key: statistics.median(p[key] for p in plans[1:]) for key in plans[0]
        }
    rows = [f"| profile {profile} | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    for stage in (*STAGES, "whole"):
        rows.append(f"| {stage} | " + " | ".join(f"{c[stage]:.1f} s" for c in columns.values()) + " |")
    rows.append("| peak memory | " + " | ".join(f"{c['peak_gib']:.2f} GiB" for c in columns.values()) + " |")
    return "\n".join(rows)


if __name__ == "__main__":
    sys.exit(main())
