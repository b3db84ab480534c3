"""A plan from the web page compared with `tavid-plan`, same mask and seed: `python -m benchmarks.page --save`.

`tavid-plan` runs as a command; then the page's run is made in its planning process, up to the answer to the browser.
`overhead` is the page's time minus that of the plan's stages. Needs Gradio.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.results import ROOT, Value, add_save_option, save
from hoi_motion.media.image_files import read_image, read_mask
from hoi_motion.segment import SegmentedMask

DEMO = ROOT / "config" / "demo"
MAX_WAITING = 1
# fields of plan.json that may differ: time and process
NOT_COMPARED = ("timings_s", "provenance", "request")
PICTURES = ("first.png", "mask.png", "attention.png", "video.mp4", "overlay.mp4", "motion.glb", "physics.json")


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--profile", default="mini")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--repeats", type=int, default=3)
    add_save_option(parser, "page")
    arguments = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        command = planned_by_command(Path(folder) / "command", arguments.profile, arguments.seed)
        pages = planned_by_page(Path(folder) / "page", arguments.profile, arguments.seed, arguments.repeats)
        unlike = sorted({name for bundle, _ in pages for name in differences(command, bundle)})
    overheads = [overhead for _, overhead in pages]
    print(f"bundle   {'the same' if not unlike else 'differs in ' + ', '.join(unlike)}")
    print(f"overhead {np.median(overheads):.2f} s (median of {len(overheads)}, at most {max(overheads):.2f} s)")
    if arguments.save:
        values = {
            "same": Value(float(not unlike)),
            "overhead_s": Value(float(np.median(overheads))),
            "overhead_max_s": Value(max(overheads)),
        }
        save(arguments.save, "a plan through the page against tavid-plan", values)
    return 0 if not unlike else 1


def planned_by_command(folder: Path, profile: str, seed: int) -> Path:
    instruction = (DEMO / "instruction.txt").read_text().strip()
    command = [sys.executable, "-m", "tavid_planner.cli.plan", "--image", str(DEMO / "frame.png")]
    command += ["--mask", str(DEMO / "mask.png"), "--instruction", instruction, "--profile", profile]
    done = subprocess.run([*command, "--seed", str(seed), "--out", str(folder)], capture_output=True, text=True)
    if not (folder / "plan.json").is_file():
        raise SystemExit(done.stderr)
    return folder


def planned_by_page(folder: Path, profile: str, seed: int, repeats: int) -> list[tuple[Path, float]]:
    """Bundles, and the seconds that the page took beyond the plan's stages."""
    from tavid_planner.config import load_profile
    from tavid_planner.web.page import Page
    from tavid_planner.web.runs import run
    from tavid_planner.web.visits import TARGET, Visits
    from tavid_planner.worker.desk import PlannerDesk
    from tavid_planner.worker.supervisor import PlanWorker

    config = load_profile(profile)
    desk, visits = PlannerDesk(PlanWorker("tavid_planner.planner:Planner"), MAX_WAITING), Visits(folder)
    made = []
    try:
        desk.open(config)
        page, visit = Page(desk, visits, profile), visits.of("benchmark")
        visit.show(read_image(DEMO / "frame.png"))
        visit.found[TARGET] = SegmentedMask(read_mask(DEMO / "mask.png", "target mask"), (), "a mask file")
        for _ in range(repeats):
            started = time.monotonic()
            asked = visit.request((DEMO / "instruction.txt").read_text().strip(), seed, 1)
            *_, last = run(desk, visit, asked, config)
            if last.error is not None:
                raise SystemExit(str(last.error))
            page.answer(visit, last)
            seconds = time.monotonic() - started
            bundle = last.made.folder
            stages = json.loads((bundle / "plan.json").read_text())["timings_s"]
            made.append((bundle, seconds - sum(s for stage, s in stages.items() if stage != "load")))
    finally:
        desk.close(("measured", ""))
    return made


def differences(one: Path, other: Path) -> list[str]:
    """Differences between two bundles."""
    unlike = [name for name in PICTURES if (one / name).read_bytes() != (other / name).read_bytes()]
    for name in ("motion.npz", "lifted.npz"):
        if (one / name).is_file() != (other / name).is_file() or not _same_arrays(one / name, other / name):
            unlike.append(name)
    plans = [json.loads((folder / "plan.json").read_text()) for folder in (one, other)]
    return unlike + [f"plan.json: {key}" for key in plans[0] if key not in NOT_COMPARED and _unlike(plans, key)]


def _same_arrays(one: Path, other: Path) -> bool:
    if not one.is_file():
        return True
    with np.load(one) as a, np.load(other) as b:
        # text fields with times and paths are not arrays of the motion
        return sorted(a.files) == sorted(b.files) and all(
            np.array_equal(a[name], b[name]) for name in a.files if a[name].dtype.kind not in "US"
        )


def _unlike(plans: list[dict], key: str) -> bool:
    return plans[0][key] != plans[1][key]


if __name__ == "__main__":
    sys.exit(main())
