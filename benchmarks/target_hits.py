"""Target hit rate of a profile on held-out scenes: `python -m benchmarks.target_hits --without-baseline --save`.

All other options are those of `training.evaluate`. With --bench: TargetBench, 280 scenes in 14 classes of difficulty.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

from benchmarks.results import Value, add_save_option, save
from training.bench.cases import COMPANY_CLASSES, DIFFICULTIES
from training.bench.runner import CONTESTANTS, Result
from training.bench.scoring import VideoScore
from training.bench.table import summary
from training.evaluate import main as evaluate
from training.json_lines import read_lines


def main(argv: list[str] | None = None) -> int:
    epilog = "All other options are those of `python -m training.evaluate`."
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], epilog=epilog)
    add_save_option(parser, "target_hits")
    parser.add_argument("--bench", action="store_true", help="TargetBench")
    parser.add_argument("--out", type=Path, help="JSON with every outcome; with --bench the run's folder")
    arguments, others = parser.parse_known_args(argv)
    if arguments.bench:
        out = arguments.out or Path("runs/bench")
        evaluate(["--bench", "--out", str(out), *others])
        if arguments.save:
            name = "target_bench" if arguments.save == "target_hits" else arguments.save
            results = [Result.of_line(line) for line in read_lines(out / "scores.jsonl")]
            save(name, "TargetBench: the hand goes to the masked object", bench_values(results))
        return 0
    with tempfile.TemporaryDirectory(prefix="target-hits-") as folder:
        out = arguments.out or Path(folder) / "outcomes.json"
        evaluate(["--out", str(out), *others])
        if arguments.save:
            save(arguments.save, "held-out scenes of 2 to 4 identical objects", hit_values(json.loads(out.read_text())))
    return 0


def hit_values(outcomes: dict) -> dict[str, Value]:
    """Outcomes of the generated clips, and the detector's verdict on the true ones."""
    truth = next(row for row in outcomes["rows"] if row["name"] == CONTESTANTS["truth"])
    mine = next(row for row in outcomes["rows"] if row["name"].endswith(CONTESTANTS["adapter"]))
    found = {"scenes": Value(len(mine["scores"])), "chance": Value(outcomes["chance"])}
    for prefix, row in (("", mine), ("truth_", truth)):
        for name in ("hit", "wrong", "none", "lost", "contact", "permanence"):
            found |= _value(prefix + name, row["numbers"][name])
    return found


def bench_values(results: list[Result]) -> dict[str, Value]:
    """Every contestant's scores on the classes with one and with two people, and the adapter's hits by class."""
    adapter = [r for r in results if r.contestant == "adapter"]
    together = [r for r in results if r.case.name in COMPANY_CLASSES]
    alone = [r for r in results if r.case.name not in COMPANY_CLASSES]
    found = {}
    if alone:
        count = sum(r.contestant == "adapter" for r in alone)
        found = {"scenes": Value(count), "chance": Value(sum(1 / r.candidates for r in alone) / len(alone))}
    for contestant in CONTESTANTS:
        scores = [r.score for r in together if r.contestant == contestant]
        prefix = "company_" if contestant == "adapter" else f"company_{contestant}_"
        if scores:
            for name in ("hit", "wrong", "none"):
                found |= _value(prefix + name, summary(scores)[name])
        scores = [r.score for r in alone if r.contestant == contestant]
        prefix = "" if contestant == "adapter" else f"{contestant}_"
        if scores:
            for name in ("hit", "wrong", "none", "contact", "permanence"):
                found |= _value(prefix + name, summary(scores)[name])
    if clear := _where_truth_is_hit(alone):
        found["clear_scenes"] = Value(len(clear))
        for name in ("hit", "wrong"):
            found |= _value(f"clear_{name}", summary(clear)[name])
    for kind in DIFFICULTIES:
        scores = [r.score for r in adapter if r.case.name == kind.name]
        if scores:
            found |= _value(f"{kind.name}_hit", summary(scores)["hit"])
    return found


def _where_truth_is_hit(results: list[Result]) -> list[VideoScore]:
    """The adapter's scores in scenes whose ground-truth clip is judged a hit.

    In the others the judge errs about what is known, and what it says of the model there tells little: what is carried
    in front of another candidate's place, for one, is judged to have been taken from there.
    """
    hits = {r.case for r in results if r.contestant == "truth" and r.score.outcome == "hit"}
    return [r.score for r in results if r.contestant == "adapter" and r.case in hits]


def _value(name: str, number: dict) -> dict[str, Value]:
    """No values if no clip could be judged."""
    if number["value"] is None:
        return {}
    return {name: Value(number["value"], interval=(number["low"], number["high"]))}


if __name__ == "__main__":
    sys.exit(main())
