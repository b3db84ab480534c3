"""Clips of contestants put before a judge: restartable, every clip's answers a line, and the table of them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from hoi_motion.keypoints.sources import keypoint_source
from tavid_planner.config import VideoConfig
from training.bench.cases import BENCH_VERSION, Case
from training.bench.intervals import mean_interval, wilson_interval
from training.bench.runner import clip_of, outcome_of
from training.claims import claim, model_facts
from training.intergeneval.evidence import scene_evidence, seen_evidence
from training.intergeneval.judged_clip import Judge, JudgedClip
from training.intergeneval.score import Fidelity, Judgement, fidelity_of, looked_at
from training.intergeneval.truth import interactions_of
from training.json_lines import append_line, drop_cut_line, read_lines

GEOMETRIC = "geometric"
HIT = "hit"


@dataclass(frozen=True)
class Asking:
    """Who judges and how: the judge, its name and model or address; keypoints: source of them; seed: of the sampler."""

    judge: Judge
    name: str
    model: str
    keypoints: str
    seed: int


def judge_clips(
    asking: Asking, cases: list[Case], contestants: list[str], video: VideoConfig, out: Path
) -> dict[str, list[dict]]:
    """Answers about every contestant's clip of every case, also in `answers.jsonl` of the folder `out`.

    Returns:
        Lines by contestant, in the order of the cases: answers, emerged, vanished, and outcome as TargetBench has it.

    Raises:
        InputError: CONFIG_INVALID when the folder holds answers of another judge or model.
        TavidError: of the judge and of the generation.
    """
    out.mkdir(parents=True, exist_ok=True)
    wanted = {"judge": asking.name, "model": asking.model, "keypoints": asking.keypoints, "seed": asking.seed}
    claim(out / "intergeneval.json", {**wanted, "bench": BENCH_VERSION, **model_facts(video)}, "answers")
    path = out / "answers.jsonl"
    drop_cut_line(path)
    done = {(line["contestant"], Case(line["class"], line["index"])): line for line in read_lines(path)}
    source = keypoint_source(asking.keypoints)
    for case in tqdm(cases, unit="scene", desc="intergeneval"):
        missing = [c for c in contestants if (c, case) not in done]
        if not missing:
            continue
        scene = case.scene(video.height, video.width, video.num_frames, video.fps)
        for contestant in missing:
            frames = clip_of(contestant, scene, video, asking.seed, asking.keypoints)
            evidence = None
            if asking.name == GEOMETRIC:
                known = contestant == "truth"
                evidence = scene_evidence(scene) if known else seen_evidence(frames, scene, source)
            clip = JudgedClip(frames, scene.instance_ids[0], scene.fps, evidence)
            answers = np.stack([asking.judge.answers(clip, interaction) for interaction in interactions_of(scene)])
            emerged, vanished = asking.judge.changes(clip, looked_at(len(frames)))
            line = {"contestant": contestant, "class": case.name, "index": case.index, "answers": answers.tolist()}
            line |= {"emerged": emerged.tolist(), "vanished": vanished.tolist()}
            line["outcome"] = outcome_of(frames, scene, source).outcome
            append_line(path, line)
            done[contestant, case] = line
    return {contestant: [done[contestant, case] for case in cases] for contestant in contestants}


def fidelities(lines: list[dict], as_published: bool = False) -> list[Fidelity]:
    """Of every clip."""
    judged = [Judgement(*(np.array(line[k]) for k in ("answers", "emerged", "vanished"))) for line in lines]
    return [fidelity_of(judgement, as_published) for judgement in judged]


def table(rows: list[tuple[str, list[dict]]], as_published: bool = False, trainings: int = 1) -> str:
    """Means over clips with 95% intervals (of hits Wilson's), one line a row.

    Args:
        trainings: the clips are of so many trainings, one after the other, on the same scenes.
    """
    clipping = "as published, not clipped" if as_published else "ends at 0; --as-published lets it fall below"
    lines = [f"SPI {clipping}; hit: as TargetBench has it"]
    lines += ["| | clips | KISA | SGI | SPI | IF | hit |", "|---|---|---|---|---|---|---|"]
    for name, clips in rows:
        scores = fidelities(clips, as_published)
        columns = [[getattr(s, part) for s in scores] for part in ("kisa", "sgi", "spi", "fidelity")]
        hits = _share(sum(line["outcome"] == HIT for line in clips), len(clips), trainings)
        cells = [*(_mean(column, trainings) for column in columns), hits]
        lines.append(f"| {name} | {len(clips)} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _mean(values: list[float], trainings: int) -> str:
    mean, low, high = mean_interval(values, trainings)
    return f"{mean:.3f} [{low:.3f}, {high:.3f}]"


def _share(hits: int, count: int, trainings: int) -> str:
    low, high = wilson_interval(hits / trainings, count / trainings)
    return f"{hits / count:.3f} [{low:.3f}, {high:.3f}]"
