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
from dataclasses import replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from hoi_motion.errors import TavidError
from hoi_motion.files import write_whole
from tavid_planner.config import VideoConfig, load_profile
from tavid_planner.errors import ErrorCode, InputError
from training.arguments import given_path, positive
from training.bench.cases import BENCH_VERSION, Case, bench_cases
from training.bench.intervals import wilson_interval
from training.bench.runner import CONTESTANTS
from training.claims import claim
from training.intergeneval.judged_clip import Judge
from training.intergeneval.judges import JUDGES, judge_named
from training.intergeneval.questions import NUM_QUESTIONS
from training.intergeneval.run import GEOMETRIC, Asking, judge_clips, table
from training.intergeneval.truth import asked_of
from training.json_lines import append_line, drop_cut_line, read_lines
from training.scenes.doings import KINDS


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
    parser.add_argument(
        "--count", type=positive, default=10, help="scenes, the first of every class, then the second, ..."
    )
    parser.add_argument(
        "--agreement", action="store_true", help="only how often the judge is right on scenes' own clips"
    )
    parser.add_argument("--profile", default="mini", help="whose size and model make the clips")
    parser.add_argument("--contestants", type=lambda text: text.split(","), default=["truth"], metavar="A,B")
    parser.add_argument("--seed", type=int, default=0, help="of the sampler")
    parser.add_argument("--as-published", action="store_true", help="SPI may fall below 0, as in the published code")
    parser.add_argument("--out", type=given_path, default=Path("runs/intergeneval"), help="folder of the run")
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
            name = " ".join(part for part in (args.judge, args.model, args.url) if part)
            print(agreement(judge, name, cases, video, args.out))
        else:
            asking = Asking(judge, args.judge, args.model or args.url, profile.lift.keypoints, args.seed)
            judged = judge_clips(asking, cases, args.contestants, video, args.out)
            text = table([(name, judged[name]) for name in args.contestants], args.as_published)
            write_whole(args.out / "table.md", (text + "\n").encode())
            print(text)
    except TavidError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("stopped; the same command goes on", file=sys.stderr)
        return 130
    return 0


def agreement(judge: Judge, name: str, cases: list[Case], video: VideoConfig, out: Path) -> str:
    """How often a judge answers correctly about scenes' own clips, asked about what happens and what does not.

    Every scene's answers go to `agreement.jsonl` in the folder `out`; those that are there are not asked again.
    """
    out.mkdir(parents=True, exist_ok=True)
    size = {"height": video.height, "width": video.width, "num_frames": video.num_frames, "fps": video.fps}
    claim(out / "agreement.json", {"bench": BENCH_VERSION, "judge": name, **size}, "answers")
    path = out / "agreement.jsonl"
    drop_cut_line(path)
    done = {(line["class"], line["index"]): line["right"] for line in read_lines(path)}
    right: dict[str, list[np.ndarray]] = {}
    for case in tqdm(cases, unit="scene", desc="agreement"):
        if (case.name, case.index) not in done:
            scene = case.scene(video.height, video.width, video.num_frames, video.fps)
            answers = [(a.case, judge.answers(a.clip, a.interaction) == a.right) for a in asked_of(scene)]
            told = [[asked, agrees.tolist()] for asked, agrees in answers]
            append_line(path, {"class": case.name, "index": case.index, "right": told})
            done[case.name, case.index] = told
        for asked, agrees in done[case.name, case.index]:
            right.setdefault(asked, []).append(np.array(agrees))
    everything = np.concatenate([np.stack(rows) for rows in right.values()])
    lines = [f"Agreement with ground truth, {len(cases)} scenes: {_share(everything)}"]
    lines += [f"  {case}: {_share(np.stack(rows))}" for case, rows in right.items()]
    by_question = ", ".join(f"{n + 1}: {everything[:, n].mean():.2f}" for n in range(NUM_QUESTIONS))
    return "\n".join([*lines, f"  by question: {by_question}"])


def _share(right: np.ndarray) -> str:
    low, high = wilson_interval(int(right.sum()), right.size)
    return f"{right.mean():.3f} [{low:.3f}, {high:.3f}] of {right.size} questions"


if __name__ == "__main__":
    sys.exit(main())
