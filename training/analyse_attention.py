"""Which blocks of a video transformer ground words and propagate instances: the choice that the trainer supervises.

python -m training.analyse_attention --model models/tavid-mini --adapter models/tavid-mini/adapter --out runs/analysis

Every block and denoising step is scored (training/bench/attention_scores.py) on ground-truth clips of development
scenes with the steps' noise; with --generate also while clips are generated, each of which TargetBench's scorer calls a
hit or not. Two criteria, as in MATRIX: how often a block is among a clip's ten best, and how much better it is in clips
that succeed. Blocks whose leaving-out hardly changes the prediction are not chosen: whatever they attend to, nothing
comes of it. The folder gets `table.md`, `scores.json`, heat maps of the chosen blocks and `choice.yaml`, the options
that the trainer reads. A run that was stopped goes on; a folder holds the scores of one model.
"""

import argparse
import json
import sys
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
import yaml

from hoi_motion.errors import TavidError
from hoi_motion.files import whole_file, write_whole
from training.arguments import given_path, positive
from training.claims import claim, model_facts
from training.json_lines import append_line, drop_cut_line, read_lines

DEVELOPMENT_SEED = 900_000  # neither training nor held-out scenes
TOP = 10
KINDS = {"v2t": ("subject", "object", "verb"), "v2v": ("subject", "object")}
CHOSEN = {"v2t": 2, "v2v": 1}  # blocks a kind, as MATRIX supervises
LEAST_EFFECT = 0.25  # of the median block's


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profile", default="mini", help="profile whose sizes, steps and guidance are used")
    parser.add_argument("--model", help="CogVideoX folder or hub id; default: the profile's")
    parser.add_argument("--adapter", help="adapter folder, or the word none; default: the profile's")
    parser.add_argument("--count", type=positive, default=20, help="scenes; default 20")
    parser.add_argument("--first", type=int, default=DEVELOPMENT_SEED, help="seed of the first scene")
    parser.add_argument("--steps", type=positive, help="denoising steps; default: the profile's")
    parser.add_argument("--generate", action="store_true", help="also compare clips that succeed with those that fail")
    parser.add_argument("--out", type=given_path, required=True, help="folder of the result")
    arguments = parser.parse_args(argv)
    try:
        analyse(arguments)
    except TavidError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def analyse(arguments: argparse.Namespace) -> None:
    """Score what is missing, then write table, heat maps and choice."""
    from tavid_planner.config import load_profile
    from tavid_planner.video import load_pipeline

    video = load_profile(arguments.profile).video
    video = replace(
        video,
        base=arguments.model or video.base,
        adapter=video.adapter
        if arguments.adapter is None
        else ""
        if arguments.adapter == "none"
        else arguments.adapter,
        num_inference_steps=arguments.steps or video.num_inference_steps,
    )
    arguments.out.mkdir(parents=True, exist_ok=True)
    claim(arguments.out / "analysis.json", {"generate": arguments.generate, **model_facts(video)}, "scores")
    pipeline, path = load_pipeline(video), arguments.out / "scores.jsonl"
    drop_cut_line(path)
    done = {line["seed"] for line in read_lines(path) if "effects" in line}
    heats = _Heats(arguments.out / "heat.npz")
    for seed in range(arguments.first, arguments.first + arguments.count):
        if seed not in done:
            append_line(path, _scored(pipeline, video, seed, arguments.generate, heats))
            heats.save()  # what a run that goes on adds to
    wanted = range(arguments.first, arguments.first + arguments.count)
    rows = [line for line in read_lines(path) if line["seed"] in wanted and "effects" in line]
    table = block_table(rows, len(pipeline.backbone.blocks))
    choice = choose_blocks(table)
    write_whole(arguments.out / "scores.json", json.dumps(table, indent=1).encode())
    write_whole(arguments.out / "choice.yaml", yaml.safe_dump(choice, sort_keys=False).encode())
    text = table_text(table, choice, f"{video.base}, {len(rows)} scenes, {video.num_inference_steps} steps")
    write_whole(arguments.out / "table.md", text.encode())
    heats.draw(arguments.out, choice)
    print(text)


def _scored(pipeline, video, seed: int, generate: bool, heats: "_Heats") -> dict:
    from training.bench.attention_scores import GeneratedScores, block_effects, truth_scores
    from training.scenes.scene import generate_scene

    scene = generate_scene(seed, video.height, video.width, video.num_frames, video.fps)
    line = {"seed": seed, "truth": defaultdict(list), "outcome": None, "generated": defaultdict(list)}
    for score in truth_scores(pipeline, scene, video, video.num_inference_steps, seed):
        line["truth"][f"{score.kind} {score.what} {score.block}"].append([score.aas, score.focus])
        heats.add(score)
    line["effects"] = block_effects(pipeline, scene, video, video.num_inference_steps, seed)
    if generate:
        with GeneratedScores(pipeline, scene, video) as scores:
            line["outcome"] = _outcome(pipeline, scene, video, seed)
        for score in scores.found:
            line["generated"][f"{score.kind} {score.what} {score.block}"].append([score.aas, score.focus])
    return line


def _outcome(pipeline, scene, video, seed: int) -> str:
    from hoi_motion.keypoints.sources import keypoint_source
    from tavid_planner.config import load_profile
    from tavid_planner.request import InteractionRequest
    from tavid_planner.video import generate_video
    from training.bench.scoring import candidate_masks, score

    request = InteractionRequest(scene.frames[0], scene.target_mask, scene.caption)
    clip = generate_video(pipeline, request, replace(video, capture_attention=False), seed)
    source = keypoint_source(load_profile("mini").lift.keypoints)
    return score(clip.frames, scene.frames[0], candidate_masks(scene), clip.fps, source).outcome


def block_table(rows: list[dict], blocks: int) -> dict[str, list[dict]]:
    """Kind of map -> a row a block.

    Mean AAS, focus and effect; how often among a clip's best ten; gap of hits over misses.
    """
    table, effects = {}, np.mean([row["effects"] for row in rows], axis=0)
    for kind, whats in KINDS.items():
        entries = []
        for block in range(blocks):
            keys = [f"{kind} {what} {block}" for what in whats]
            numbers = np.array([[np.mean(row["truth"][key], axis=0) for key in keys] for row in rows])
            aas, focus = (float(numbers[..., i].mean()) for i in range(2))
            entries.append({"block": block, "aas": aas, "focus": focus, "effect": float(effects[block])})
        for entry in entries:
            entry["top_ten"] = _top_share(rows, kind, whats, entry["block"], blocks)
            entry["gap"] = _gap(rows, kind, whats, entry["block"])
        table[kind] = entries
    return table


def _top_share(rows, kind: str, whats, block: int, blocks: int) -> float:
    """Share of clips and words in which the block's AAS is among the ten best."""
    hits = []
    for row in rows:
        for what in whats:
            scores = [np.mean(row["truth"][f"{kind} {what} {b}"], axis=0)[0] for b in range(blocks)]
            hits.append(int(np.argsort(scores)[::-1][:TOP].tolist().count(block)))
    return float(np.mean(hits))


def _gap(rows, kind: str, whats, block: int) -> float | None:
    """Difference of the mean focus between clips that hit the target and those that do not, in standard deviations."""
    values = defaultdict(list)
    for row in rows:
        if row["outcome"] is not None:
            focus = [np.mean(row["generated"][f"{kind} {what} {block}"], axis=0)[1] for what in whats]
            values[row["outcome"] == "hit"].append(float(np.mean(focus)))
    if min(len(values[True]), len(values[False])) < 2:
        return None
    spread = np.std(values[True] + values[False]) or 1.0
    return float((np.mean(values[True]) - np.mean(values[False])) / spread)


def choose_blocks(table: dict[str, list[dict]]) -> dict[str, dict]:
    """Options for the trainer: of the blocks that have an effect, the best by the mean of their ranks.

    Ranks are by focus, top ten and gap.
    """
    choice = {}
    for kind, section in (("v2t", "grounding"), ("v2v", "propagation")):
        entries = table[kind]
        ranks = np.zeros(len(entries))
        for column in ("focus", "top_ten", "gap"):
            numbers = [e[column] for e in entries]
            if None not in numbers:
                # equal numbers share a rank: where all blocks are among ten, none gains by it
                ranks += np.searchsorted(np.unique(numbers), numbers)
        effects = np.array([e["effect"] for e in entries])
        ranks[effects < LEAST_EFFECT * np.median(effects)] = -1
        best = sorted(np.argsort(-ranks, kind="stable")[: CHOSEN[kind]].tolist())
        choice[section] = {"blocks": ",".join(map(str, best))}
    return choice


def table_text(table: dict[str, list[dict]], choice: dict, title: str) -> str:
    lines = [f"# Attention of {title}", ""]
    for kind, section in (("v2t", "grounding"), ("v2v", "propagation")):
        chosen = choice[section]["blocks"].split(",")
        lines += [f"## {kind}: {section}, chosen {', '.join(chosen)}", ""]
        lines += ["| block | AAS | focus | top ten | gap | effect |", "|---|---|---|---|---|---|"]
        for e in table[kind]:
            gap = "-" if e["gap"] is None else f"{e['gap']:+.2f}"
            mark = " *" if str(e["block"]) in chosen else ""
            numbers = f"{e['aas']:.3f} | {e['focus']:.3f} | {e['top_ten']:.2f} | {gap} | {e['effect']:.3f}"
            lines.append(f"| {e['block']}{mark} | {numbers} |")
        lines.append("")
    return "\n".join(lines)


class _Heats:
    """Maps by kind, word and block, summed over frames, steps and scenes: one frame each, for any number of blocks.

    A file that is there already is what an earlier run summed up.
    """

    def __init__(self, path: Path):
        self.path, self.sums = path, {}
        if path.exists():
            with np.load(path) as file:
                self.sums = dict(file)

    def add(self, score) -> None:
        key = f"{score.kind} {score.what} {score.block}"
        self.sums[key] = self.sums.get(key, 0.0) + score.heat.astype(np.float32).mean(0)

    def save(self) -> None:
        with whole_file(self.path) as partial, partial.open("wb") as file:
            np.savez(file, **self.sums)

    def draw(self, folder: Path, choice: dict) -> None:
        import cv2

        if not self.sums:
            return
        for kind, section in (("v2t", "grounding"), ("v2v", "propagation")):
            for block in choice[section]["blocks"].split(","):
                maps = [self.sums[f"{kind} {what} {block}"] for what in KINDS[kind]]
                scaled = [np.uint8(255 * m / max(float(m.max()), 1e-9)) for m in maps]
                large = [cv2.resize(m, None, fx=12, fy=12, interpolation=cv2.INTER_NEAREST) for m in scaled]
                picture = cv2.applyColorMap(np.hstack(large), cv2.COLORMAP_VIRIDIS)
                cv2.imwrite(str(folder / f"{kind}_block{block}.png"), picture)


if __name__ == "__main__":
    sys.exit(main())
