"""A batch whose worker and then whose driver is killed: is every request answered exactly once?

python -m benchmarks.batch [--ray] --count 40 --workers 2

Requests differ in their seed; plans are made quickly (one denoising step, no repair), since the batch itself is tested.
After a tenth of the results one worker gets kill -9, after half of them the driver. A second run continues with the
rest.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.results import Value, add_save_option, save
from tavid_planner.config import share_folder

QUICK = ("video.num_inference_steps=1", "lift.iterations=10", "check.repair=false", "video.device=cpu")
WORKERS = ("ray::_answer", "tavid_planner.worker.process")
POLL_S = 0.05
LONGEST_S = 3600
ORPHANS_END_S = 30


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=40, help="requests")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--ray", action="store_true", help="on a Ray of this machine")
    add_save_option(parser, "batch")
    arguments = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="tavid-benchmark-") as folder:
        found = measure(Path(folder), arguments.count, arguments.workers, arguments.ray)
    print(
        f"{found['results']} results of {arguments.count} requests, {found['errors']} of them errors; "
        f"{found['before']} existed when the driver was killed, {found['changed']} of these were made again; "
        f"{found['left']} unfinished folders left; {found['seconds']:.0f} s"
    )
    if arguments.save:
        what = f"a batch on {'Ray' if arguments.ray else 'one machine'}, a worker killed, the driver killed"
        save(f"{arguments.save}_{'ray' if arguments.ray else 'local'}", what, {k: Value(v) for k, v in found.items()})
    return int(found["results"] != arguments.count or bool(found["errors"] + found["changed"] + found["left"]))


def measure(folder: Path, count: int, workers: int, ray: bool) -> dict[str, float]:
    """State of the requests after both kills and a second run."""
    demo = share_folder() / "config" / "demo"
    request = {"image": str(demo / "frame.png"), "mask": str(demo / "mask.png")}
    request["instruction"] = (demo / "instruction.txt").read_text().strip()
    lines = [json.dumps(request | {"name": f"seed-{seed:03d}", "seed": seed}) for seed in range(count)]
    (folder / "requests.jsonl").write_text("\n".join(lines))
    out = folder / "out"
    command = [sys.executable, "-m", "tavid_planner.cli.plan", "batch", "--requests", str(folder / "requests.jsonl")]
    command += ["--out", str(out), "--workers", str(workers), *(["--ray"] if ray else [])]
    command += [word for option in QUICK for word in ("--set", option)]
    start = time.perf_counter()
    driver = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _wait_for(lambda: len(_results(out)) >= count // 10, driver)
    victim = _wait_for(lambda: _workers_of(driver.pid), driver)[0]
    os.kill(victim, signal.SIGKILL)
    print(f"worker {victim} killed with {len(_results(out))} results", flush=True)
    _wait_for(lambda: len(_results(out)) >= count // 2, driver)
    orphans = _workers_of(driver.pid)
    driver.kill()
    driver.wait()
    print(f"driver killed with {len(_results(out))} results", flush=True)
    # an orphaned worker may finish its plan: that counts, and the request is not answered again
    deadline = time.monotonic() + ORPHANS_END_S
    while any(Path(f"/proc/{pid}").exists() for pid in orphans) and time.monotonic() < deadline:
        time.sleep(POLL_S)
    before = _results(out)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=LONGEST_S)
    after = _results(out)
    return {
        "results": len(after),
        "errors": len(list((out / "errors").iterdir())),
        "before": len(before),
        "changed": sum(after.get(name) != made for name, made in before.items()),
        "left": sum(path.name.startswith(".") for path in (out / "plans").iterdir()),
        "seconds": time.perf_counter() - start,
    }


def _results(out: Path) -> dict[str, int]:
    """Name of every result -> when it was made, ns."""
    files = [*out.glob("plans/[!.]*/plan.json"), *out.glob("errors/[!.]*.json")]
    return {str(file.relative_to(out)): file.stat().st_mtime_ns for file in files}


def _wait_for(there, driver: subprocess.Popen):
    deadline = time.monotonic() + LONGEST_S
    while not (found := there()):
        if driver.poll() is not None or time.monotonic() > deadline:
            sys.exit("the batch ended, or hung, before something could be killed")
        time.sleep(POLL_S)
    return found


def _workers_of(driver: int) -> list[int]:
    """Processes under the driver that answer requests."""
    parents, titles = {}, {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            titles[int(folder.name)] = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except (OSError, IndexError):  # it has just ended
            continue

    def descends(pid: int) -> bool:
        while pid and pid != driver:
            pid = parents.get(pid, 0)
        return pid == driver

    return [p for p, title in titles.items() if p != driver and any(w in title for w in WORKERS) and descends(p)]


if __name__ == "__main__":
    sys.exit(main())
