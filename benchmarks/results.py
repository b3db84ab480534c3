"""Results in files: benchmarks/results/NAME.json holds the newest result of one measurement.

Every benchmark has `--save`. README and benchmarks/RESULTS.md are made from these files by
`python -m benchmarks.report`, and other pages quote them with a mark that a test compares:
`0.92<!-- target_hits.hit -->`.
"""

import argparse
import hashlib
import json
import math
import re
import shlex
import subprocess
import sys
from dataclasses import asdict, dataclass
from datetime import date
from functools import partial
from pathlib import Path

from hoi_motion.errors import ErrorCode, InputError
from hoi_motion.files import write_whole

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "benchmarks" / "results"
# options for outputs and number of processes, which do not affect what is measured
_UNMEASURED = ("--out", "--overlays", "--sheet", "--videos")

# folders that decide a number
_CODE = ("benchmarks", "config", "hoi_motion", "models", "tavid_planner", "training")
_RESULTS = ("benchmarks/results", "benchmarks/RESULTS.md")

_MARKS = (r"<!-- {} -->", r" \[result {}\]")  # behind the number: in Markdown, and in a comment of code or YAML
_NUMBER = r"(?P<number>[-+]?\d[\d,]*(?:\.\d+)?)"
_MARK = r"(?P<result>[a-z][a-z0-9_]*)\.(?P<field>[a-z][a-z0-9_]*)(?P<end>\.low|\.high)?"
QUOTES = tuple(re.compile(_NUMBER + mark.format(_MARK).replace(" ", r"\s+")) for mark in _MARKS)
_ANY_MARK = re.compile(r"(?:<!--|\[result)\s+[a-z0-9_]+\.[a-z0-9_.]+\s*(?:-->|\])")


@dataclass(frozen=True)
class Value:
    """One number, in the unit in which it is shown.

    Attributes:
        interval: its 95% interval (low, high); None when there is none.
    """

    value: float
    unit: str = ""
    interval: tuple[float, float] | None = None

    def __post_init__(self):
        if not math.isfinite(self.value):
            raise ValueError(f"{self.value} is not a result")


@dataclass(frozen=True)
class Result:
    """One measurement.

    Attributes:
        name: of the file, and in pages that quote it.
        what: one line of description, with the conditions that the command does not show.
        values: field -> Value.
    """

    name: str
    what: str
    command: str
    date: str
    commit: str
    processor: str
    values: dict[str, Value]

    def write(self, folder: Path = FOLDER) -> Path:
        """Replace the file of this name.

        Raises:
            InputError: OUTPUT_INVALID when it cannot be written.
        """
        folder.mkdir(parents=True, exist_ok=True)
        data = asdict(self)
        # None and "" are left out
        data["values"] = {
            f: {k: v for k, v in value.items() if v} | {"value": value["value"]} for f, value in data["values"].items()
        }
        path = folder / f"{self.name}.json"
        write_whole(path, (json.dumps(data, indent=1) + "\n").encode())
        return path

    @classmethod
    def read(cls, path: Path) -> "Result":
        """Raises: InputError: FILE_INVALID when the file holds no result."""
        try:
            data = json.loads(path.read_text())
            values = {
                field: Value(v["value"], v.get("unit", ""), tuple(v["interval"]) if "interval" in v else None)
                for field, v in data.pop("values").items()
            }
            return cls(values=values, **data)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(ErrorCode.FILE_INVALID, f"{path} is not a result: {error}", "measure it again") from error


def read_results(folder: Path = FOLDER) -> dict[str, Result]:
    """Name -> result, in alphabetical order."""
    return {path.stem: Result.read(path) for path in sorted(folder.glob("*.json"))}


def add_save_option(parser: argparse.ArgumentParser, name: str) -> None:
    parser.add_argument(
        "--save",
        nargs="?",
        const=name,
        metavar="NAME",
        help=f"write benchmarks/results/NAME.json; default {name}. `python -m benchmarks.report` then renews the pages",
    )


def save(name: str, what: str, values: dict[str, Value]) -> None:
    """Write a result of the running command: with its date, commit and processor."""
    path = Result(name, what, running_command(), str(date.today()), commit(), processor(), values).write()
    print(f"saved {path.relative_to(ROOT)}", file=sys.stderr)


def running_command(argv: list[str] | None = None) -> str:
    """The command as typed, without options that do not change the numbers."""
    main = sys.modules["__main__"]
    spec = getattr(main, "__spec__", None)
    module = spec.name.removesuffix(".__main__") if spec else "benchmarks"
    words, kept, skip = sys.argv[1:] if argv is None else argv, [], False
    for i, word in enumerate(words):
        if skip:
            skip = False
        elif word.split("=")[0] in (*_UNMEASURED, "--save"):
            following = words[i + 1] if i + 1 < len(words) else "--"
            skip = "=" not in word and not following.startswith("--")
        else:
            kept.append(word)
    return " ".join(["python -m", module, *map(shlex.quote, kept)])


def commit() -> str:
    """The measured commit, with "-dirty" if the tree differs from it in more than just saved results."""
    git = partial(subprocess.run, cwd=ROOT, capture_output=True, text=True)
    name = git(["git", "describe", "--always"]).stdout.strip()
    changed = git(["git", "diff", "--quiet", "HEAD", "--", ".", ":!benchmarks/results"]).returncode == 1
    return name + "-dirty" * changed or "unknown"


def measured_code() -> str:
    """What rows of a measurement depend on: a digest of code, weights and profiles, as they are in the checkout.

    Files that git ignores or does not know yet do not count; "unknown" outside a checkout.
    """
    git = partial(subprocess.run, cwd=ROOT, capture_output=True)
    trees = git(["git", "ls-tree", "HEAD", *(f"{folder}/" for folder in _CODE)])
    if trees.returncode or not trees.stdout:
        return "unknown"
    changed = git(["git", "diff", "HEAD", "--", *_CODE, *(f":!{path}" for path in _RESULTS)])
    kept = [line for line in trees.stdout.decode().splitlines() if not line.endswith(_RESULTS)]
    return hashlib.sha256("\n".join(kept).encode() + changed.stdout).hexdigest()[:16]


def processor() -> str:
    from tavid_planner.provenance import cpu_name, usable_cores

    return f"{cpu_name()}, {usable_cores()} cores"


def wrong_quotes(text: str, results: dict[str, Result]) -> list[str]:
    """Errors in the quoted numbers of a page, one line each: no such result, or another number."""
    quotes = [match for pattern in QUOTES for match in pattern.finditer(text)]
    ends = {quote.end() for quote in quotes}
    wrong = [f"{mark.group()}: no number before it" for mark in _ANY_MARK.finditer(text) if mark.end() not in ends]
    for quote in quotes:
        result = results.get(quote["result"])
        value = result.values.get(quote["field"]) if result else None
        if value is None:
            wrong.append(f"{quote.group()}: there is no such result")
            continue
        end = (quote["end"] or "").lstrip(".")
        if end and value.interval is None:
            wrong.append(f"{quote.group()}: it has no interval")
            continue
        number = value.interval[end == "high"] if end else value.value
        decimals = len(quote["number"].partition(".")[2])
        if shown(number, decimals) != quote["number"].lstrip("+"):
            wrong.append(f"{quote.group()}: the result is {shown(number, decimals)}")
    return wrong


def shown(number: float, decimals: int) -> str:
    """A number as shown in pages."""
    return f"{number:,.{decimals}f}"
