"""Every reader against damaged files, in child processes: python -m benchmarks.fuzz_files [--files 20000]

A file must be read or refused by name. Faults are crashes of the process, readings over 10 seconds or 1 GB, errors that
no user can act on (INTERNAL), and files opened outside the file's own folder. Results are kept in a folder; an
interrupted run continues where it stopped.
"""

import argparse
import json
import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np

from benchmarks.fuzz_mutations import mutated
from benchmarks.fuzz_seeds import BESIDE, Kind, kinds
from benchmarks.results import Value, add_save_option, save

LONGEST_S = 10
MOST_BYTES = 10**9
CHILD_FILES = 400
CHILD_MEMORY_BYTES = 12 * 2**30  # of address space, far above MOST_BYTES: to protect the machine
FAULTS = ("crash", "hang", "memory", "internal", "outside")


_OF_A_DECODER = re.compile(r"/proc/\d+/(stat|statm)")
"""Read by the parent: no file can make it refer to another name."""


class _Hang(BaseException):
    """Raised by the clock inside a reader; no reader may catch it."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=20_000, help="mutated files, over all kinds")
    parser.add_argument("--kinds", nargs="*", help="only these")
    parser.add_argument("--out", type=Path, default=Path("runs/fuzz_files"), help="folder of the results")
    parser.add_argument("--child", nargs=3, metavar=("KIND", "FIRST", "LAST"), help=argparse.SUPPRESS)
    add_save_option(parser, "fuzz_files")
    arguments = parser.parse_args()
    if arguments.child:
        kind, first, last = arguments.child
        return run_child(kind, int(first), int(last), arguments.out)
    names = arguments.kinds or list(kinds())
    per_kind = -(-arguments.files // len(names))
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name in names:
        run_kind(name, per_kind, arguments.out)
    lines, total = table({name: results(name, arguments.out) for name in names})
    print("\n".join(lines))
    faults = sum(total[fault] for fault in FAULTS)
    if arguments.save:
        counted = {"files": total.total(), "kinds": len(names), "faults": faults} | {
            f: total[f] for f in ("taken", "refused")
        }
        save(arguments.save, "damaged files of every kind", {name: Value(n) for name, n in counted.items()})
    return 1 if faults else 0


def run_kind(name: str, count: int, out: Path) -> None:
    """Read the files of one kind that have no result yet."""
    while True:
        done = {line["index"] for line in results(name, out)}
        missing = [index for index in range(count) if index not in done]
        if not missing:
            return
        first, last = missing[0], min(missing[0] + CHILD_FILES, count)
        child = [sys.executable, "-m", "benchmarks.fuzz_files", "--out", str(out)]
        command = [*child, "--child", name, str(first), str(last)]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _watch(process, out, name)
        started = _started(out, name)
        if process.returncode != 0 and started is not None:
            fault = "hang" if process.returncode == -signal.SIGKILL else "crash"
            _write(out, name, {"index": started, "outcome": fault, "why": f"exit {process.returncode}"})
        elif process.returncode != 0:
            raise SystemExit(f"the child for {name} ended with {process.returncode} before its first file")


def _watch(process: subprocess.Popen, out: Path, name: str) -> None:
    """Wait for a child; end it when native code holds one file for far too long."""
    marker = out / f"{name}.now"
    while process.poll() is None:
        time.sleep(0.05)
        try:
            held_s = time.time() - marker.stat().st_mtime
        except FileNotFoundError:
            continue
        if held_s > 3 * LONGEST_S:
            process.kill()
            process.wait()


def run_child(name: str, first: int, last: int, out: Path) -> int:
    resource.setrlimit(resource.RLIMIT_AS, (CHILD_MEMORY_BYTES, CHILD_MEMORY_BYTES))
    kind = kinds()[name]
    seeds = list(kind.seeds())
    marker = out / f"{name}.now"
    with tempfile.TemporaryDirectory(prefix="fuzz_files") as root:
        # deep, so that what lies above is ours too
        folder = Path(root, "a", "b", "c", "d", "e")
        for beside, mesh in BESIDE.items():
            (folder / beside).parent.mkdir(parents=True, exist_ok=True)
            (folder / beside).write_bytes(mesh)
        watch = _Watch(Path(root))
        for seed in seeds:  # loads what the readers import, outside of what is measured
            warm_up(kind, seed, folder)
        for index in range(first, last):
            marker.write_text(str(index))
            rng = np.random.default_rng([index, *name.encode()])
            content = mutated(seeds[index % len(seeds)], seeds[int(rng.integers(len(seeds)))], rng)
            _write(out, name, {"index": index, **read_one(kind, content, folder, watch)})
            if peak_bytes() > MOST_BYTES:  # the peak of a process never falls: a new one measures again
                break
        marker.unlink(missing_ok=True)
    return 0


def warm_up(kind: Kind, seed: bytes, folder: Path) -> None:
    """Read a valid file, without a time limit. Raises: ValueError: no reader accepts it."""
    from hoi_motion.errors import TavidError

    path = folder / f"file{kind.suffix}"
    path.write_bytes(seed)
    refusals = []
    for reader in kind.read:
        try:
            reader(path)
        except TavidError as error:
            refusals.append(str(error))
    if len(refusals) == len(kind.read):
        raise ValueError(f"no reader accepts the seed: {refusals}")


def read_one(kind: Kind, content: bytes, folder: Path, watch: "_Watch") -> dict:
    """The outcome of one file: read, refused with a code, or a fault."""
    path = folder / f"file{kind.suffix}"
    path.write_bytes(content)
    signal.signal(signal.SIGPROF, _ring)
    taken = True
    before, start, outcome = peak_bytes(), _cpu_s(), {}
    watch.opened.clear()
    for reader in kind.read:
        outcome = _outcome(reader, path)
        taken &= outcome["outcome"] == "taken"
        if outcome["outcome"] in FAULTS:
            break
    outcome["seconds"] = round(_cpu_s() - start, 3)
    outcome["megabytes"] = round(peak_bytes() / 1e6) if peak_bytes() > before else 0
    if outcome["outcome"] not in FAULTS:
        if outcome["seconds"] > LONGEST_S * len(kind.read):  # of the decoders, whose time our own clock does not see
            outcome |= {"outcome": "hang", "why": f"{outcome['seconds']} s"}
        elif watch.opened:
            outcome |= {"outcome": "outside", "why": watch.opened[0]}
        elif peak_bytes() > MOST_BYTES:
            outcome |= {"outcome": "memory", "why": f"{peak_bytes()} bytes"}
    return outcome


def _outcome(reader, path: Path) -> dict:
    from hoi_motion.errors import ErrorCode, TavidError

    signal.setitimer(signal.ITIMER_PROF, LONGEST_S)  # of CPU time: other programs may be running
    try:
        reader(path)
        return {"outcome": "taken"}
    except TavidError as error:
        known = error.code is not ErrorCode.INTERNAL and str(error).isprintable()
        return {"outcome": "refused" if known else "internal", "code": error.code.name}
    except _Hang:
        return {"outcome": "hang", "why": reader.__name__}
    except Exception as error:
        return {"outcome": "internal", "why": f"{reader.__name__}: {type(error).__name__}: {error}"[:300]}
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _ring(*_):
    raise _Hang


def _cpu_s() -> float:
    """CPU time of this process and of the decoders that it has started."""
    decoders = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + decoders.ru_utime + decoders.ru_stime


def peak_bytes() -> int:
    """Peak memory of this process or of a decoder that it has started.

    `ru_maxrss` of this process would include what its parent held at the fork; a decoder's parent is this process.
    """
    status = Path("/proc/self/status").read_text()
    own = int(re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE).group(1))
    return 1024 * max(own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)


class _Watch:
    """Files opened outside the file's own folder, without those that Python and the libraries open themselves."""

    def __init__(self, root: Path):
        self.opened: list[str] = []
        here = Path(__file__).resolve().parent.parent
        allowed = (root, here, *map(Path, {sys.prefix, sys.base_prefix, *filter(None, sys.path)}), "/proc/self", "/dev")
        self._allowed = (*(f"{os.path.realpath(folder)}{os.sep}" for folder in allowed), "/proc/self/")
        self._refused = ("/dev/zero", "/dev/random", "/dev/urandom")
        sys.addaudithook(self._hook)

    def _hook(self, event: str, arguments: tuple) -> None:
        if event != "open" or not isinstance(arguments[0], (str, bytes, os.PathLike)):
            return
        path = os.path.abspath(os.fsdecode(arguments[0]))
        if _OF_A_DECODER.fullmatch(path):
            return
        if path in self._refused or not f"{path}{os.sep}".startswith(self._allowed):
            self.opened.append(path)


def results(name: str, out: Path) -> list[dict]:
    path = out / f"{name}.jsonl"
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines() if line.endswith("}")]


def _write(out: Path, name: str, line: dict) -> None:
    with open(out / f"{name}.jsonl", "a") as file:
        file.write(json.dumps(line) + "\n")


def _started(out: Path, name: str) -> int | None:
    """The file that a child was reading when it ended."""
    marker = out / f"{name}.now"
    index = int(marker.read_text()) if marker.exists() else None
    marker.unlink(missing_ok=True)
    return index


def table(by_kind: dict[str, list[dict]]) -> tuple[list[str], Counter]:
    """The summary, and the number of files by outcome."""
    heads = ("kind", "files", "taken", "refused", *FAULTS, "slowest s", "peak MB")
    rows, total = [], Counter()
    for name, lines in by_kind.items():
        counts = Counter(line["outcome"] for line in lines)
        total += counts
        slowest = max((line.get("seconds", 0) for line in lines), default=0)
        peak = max((line.get("megabytes", 0) for line in lines), default=0)
        rows.append((name, len(lines), *(counts[key] for key in ("taken", "refused", *FAULTS)), slowest, peak))
    rows.append(("all", sum(total.values()), *(total[key] for key in ("taken", "refused", *FAULTS)), "", ""))
    lines = ["| " + " | ".join(map(str, row)) + " |" for row in (heads, ["---"] * len(heads), *rows)]
    return lines, total


if __name__ == "__main__":
    sys.exit(main())
