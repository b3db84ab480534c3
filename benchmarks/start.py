"""What the first plan of a process loads before planning, on a CPU: modules and seconds, by package.

    python -m benchmarks.start [--runs 3] [--profile mini]

Each run is a process of its own that loads the profile's video model and ends. Seconds are the median of the runs;
modules and the slowest packages are from one more run under `-X importtime`, which slows it down, so packages are given
as shares.
"""

import argparse
import re
import statistics
import subprocess
import sys
from collections import Counter

from benchmarks.results import Value, add_save_option, save

LOAD = """
import time
start = time.perf_counter()
from dataclasses import replace
from tavid_planner.config import load_profile
from tavid_planner.video import load_pipeline
imported = time.perf_counter()
load_pipeline(replace(load_profile("{profile}").video, device="cpu"))
import sys
print(imported - start, time.perf_counter() - start, len(sys.modules))
"""
LINE = re.compile(r"import time:\s+(?P<own_us>\d+) \|\s+\d+ \|\s+(?P<module>\S+)")
SHOWN = 8


def run(profile: str, *options: str) -> tuple[list[float], str]:
    """Seconds of the imports and in all, and number of modules, of one process; and its stderr."""
    command = [sys.executable, *options, "-c", LOAD.format(profile=profile)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"loading failed:\n{done.stderr[-2000:]}")
    return [float(word) for word in done.stdout.split()[-3:]], done.stderr


def shares(report: str) -> list[tuple[str, float, int]]:
    """Packages by their share of the import time in a report of `-X importtime`, with their numbers of modules."""
    spent, modules = Counter(), Counter()
    for found in LINE.finditer(report):
        package = found["module"].partition(".")[0]
        spent[package] += int(found["own_us"])
        modules[package] += 1
    total = sum(spent.values()) or 1
    return [(package, time / total, modules[package]) for package, time in spent.most_common()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3, help="processes that are timed")
    parser.add_argument("--profile", default="mini")
    add_save_option(parser, "start")
    args = parser.parse_args()
    rows = [run(args.profile)[0] for _ in range(args.runs)]
    imports, whole = (statistics.median(row[i] for row in rows) for i in (0, 1))
    (*_, modules), report = run(args.profile, "-X", "importtime")
    print(f"{whole:.1f} s to load the video model, {imports:.1f} s of it for its first imports; {modules:.0f} modules")
    for package, share, count in shares(report)[:SHOWN]:
        print(f"{package:<20} {share:6.1%} of the import time, {count} modules")
    if args.save:
        values = dict(seconds=Value(whole, "s"), import_s=Value(imports, "s"), modules=Value(modules))
        save(args.save, "loading the video model of a first plan", values)


if __name__ == "__main__":
    main()
