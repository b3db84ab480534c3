"""InterGenEval: are the interactions of clips the ones asked for?

    python -m training.intergeneval --agreement --count 10              # how often a judge is right, on scenes
    python -m training.intergeneval --profile mini --contestants truth,adapter --count 10 --out runs/intergen

Clips begin with the first frames of TargetBench's scenes; --classes chooses among its classes, as a rule those with two
people. For every interaction ten yes/no questions (1-6 KISA, 7-10 SGI); SPI counts frames in which something appears or
vanishes, and ends at 0 unless --as-published; IF is the mean of KISA x SPI and SGI x SPI. A run that was stopped goes
on when started again with the same folder.
"""

import argparse
import sys
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from hoi_motion.errors import TavidError
from hoi_motion.files import write_whole
from tavid_planner.config import VideoConfig, load_profile
from tavid_planner.errors import ErrorCode, InputError
from training.bench.cases import BENCH_VERSION, Case, bench_cases
from training.bench.runner import CONTESTANTS, clip_of
from training.bench.scoring import wilson_interval
from training.claims import claim
from training.intergeneval.evidence import scene_evidence, seen_evidence
from training.intergeneval.judge import JUDGES, Judge, JudgedClip, judge_named
from training.intergeneval.questions import NUM_QUESTIONS
from training.intergeneval.score import Judgement, fidelity_of, looked_at
from training.intergeneval.truth import asked_of, interactions_of
from training.json_lines import append_line, drop_cut_line, read_lines
from training.scenes.doings import KINDS

GEOMETRIC = "geometric"


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m training.intergeneval",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--judge", choices=tuple(JUDGES), default=GEOMETRIC)
    parser.add_argument("--model", default="", help="folder of the vision-language model; its name at an endpoint")
    parser.add_argument("--url", default="", help="of the endpoint, for chat completions")
    parser.add_argument("--device", default="cpu", help="of the vision-language model")
    parser.add_argument("--classes", type=lambda text: text.split(","), default=list(KINDS), help="of TargetBench")
    parser.add_argument("--count", type=int, default=10, help="scenes, the first of every class, then the second, ...")
    parser.add_argument(
        "--agreement", action="store_true", help="only how often the judge is right on scenes' own clips"
    )
    parser.add_argument("--profile", default="mini", help="whose size and model make the clips")
    parser.add_argument("--contestants", type=lambda text: text.split(","), default=["truth"], metavar="A,B")
    parser.add_argument("--seed", type=int, default=0, help="of the sampler")
    parser.add_argument("--as-published", action="store_true", help="SPI may fall below 0, as in the published code")
    parser.add_argument("--out", type=Path, default=Path("runs/intergeneval"), help="folder of the run")
    args = parser.parse_args(argv)
    try:
        unknown = [c for c in args.contestants if c not in CONTESTANTS]
        if unknown:
            message = f"unknown contestant {unknown[0]!r}"
            raise InputError(ErrorCode.CONFIG_INVALID, message, f"valid names: {', '.join(CONTESTANTS)}")
        judge = judge_named(args.judge, args.model, args.url, args.device)
        profile = load_profile(args.profile)
        video = replace(profile.video, capture_attention=False)
        cases = bench_cases(args.classes, args.count)
        if args.agreement:
            print(agreement(judge, cases, video))
        else:
            print(evaluated(judge, cases, video, profile.lift.keypoints, args))
    except TavidError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("stopped; the same command goes on", file=sys.stderr)
        return 130
    return 0


def agreement(judge: Judge, cases: list[Case], video: VideoConfig) -> str:
    """How often a judge says what is right about scenes' own clips, asked what happens and what does not."""
    right: dict[str, list[np.ndarray]] = {}
    for case in tqdm(cases, unit="scene", desc="agreement"):
        scene = case.scene(video.height, video.width, video.num_frames, video.fps)
        for asked in asked_of(scene):
            agrees = judge.answers(asked.clip, asked.interaction) == asked.right
            right.setdefault(asked.case, []).append(agrees)
    everything = np.concatenate([np.stack(rows) for rows in right.values()])
    lines = [f"Agreement with ground truth, {len(cases)} scenes: {_share(everything)}"]
    lines += [f"  {case}: {_share(np.stack(rows))}" for case, rows in right.items()]
    by_question = ", ".join(f"{n + 1}: {everything[:, n].mean():.2f}" for n in range(NUM_QUESTIONS))
    return "\n".join([*lines, f"  by question: {by_question}"])


def evaluated(judge: Judge, cases: list[Case], video: VideoConfig, keypoints: str, args) -> str:
    """Scores of every contestant's clips; the table, also in `table.md` of the folder."""
    from hoi_motion.keypoints.sources import keypoint_source

    args.out.mkdir(parents=True, exist_ok=True)
    wanted = {"judge": args.judge, "model": args.model, "url": args.url, "seed": args.seed, "bench": BENCH_VERSION}
    claim(args.out / "intergeneval.json", {**wanted, "video": asdict(video)}, "answers")
    path = args.out / "answers.jsonl"
    drop_cut_line(path)
    done = {(line["contestant"], Case(line["class"], line["index"])): line for line in read_lines(path)}
    source = keypoint_source(keypoints)
    for case in tqdm(cases, unit="scene", desc="intergeneval"):
        missing = [c for c in args.contestants if (c, case) not in done]
        if not missing:
            continue
        scene = case.scene(video.height, video.width, video.num_frames, video.fps)
        for contestant in missing:
            frames = clip_of(contestant, scene, video, args.seed)
            evidence = None
            if args.judge == GEOMETRIC:
                known = contestant == "truth"
                evidence = scene_evidence(scene) if known else seen_evidence(frames, scene, source)
            clip = JudgedClip(frames, scene.instance_ids[0], scene.fps, evidence)
            answers = np.stack([judge.answers(clip, interaction) for interaction in interactions_of(scene)])
            emerged, vanished = judge.changes(clip, looked_at(len(frames)))
            line = {"contestant": contestant, "class": case.name, "index": case.index, "answers": answers.tolist()}
            line |= {"emerged": emerged.tolist(), "vanished": vanished.tolist()}
            append_line(path, line)
            done[contestant, case] = line
    text = table([(c, [done[c, case] for case in cases]) for c in args.contestants], args.as_published)
    write_whole(args.out / "table.md", (text + "\n").encode())
    return text


def table(rows: list[tuple[str, list[dict]]], as_published: bool) -> str:
    """Means over clips with 95% intervals, one line a contestant."""
    clipping = "as published, not clipped" if as_published else "ends at 0; --as-published lets it fall below"
    lines = [f"SPI {clipping}", "| | clips | KISA | SGI | SPI | IF |", "|---|---|---|---|---|---|"]
    for contestant, clips in rows:
        judged = [Judgement(*(np.array(line[k]) for k in ("answers", "emerged", "vanished"))) for line in clips]
        scores = [fidelity_of(j, as_published) for j in judged]
        columns = [[getattr(s, name) for s in scores] for name in ("kisa", "sgi", "spi", "fidelity")]
        lines.append(f"| {contestant} | {len(clips)} | " + " | ".join(_mean(column) for column in columns) + " |")
    return "\n".join(lines)


def _mean(values: list[float]) -> str:
    half = 1.96 * np.std(values) / np.sqrt(len(values))
    return f"{np.mean(values):.3f} [{np.mean(values) - half:.3f}, {np.mean(values) + half:.3f}]"


def _share(right: np.ndarray) -> str:
    low, high = wilson_interval(int(right.sum()), right.size)
    return f"{right.mean():.3f} [{low:.3f}, {high:.3f}] of {right.size} questions"


if __name__ == "__main__":
    sys.exit(main())
