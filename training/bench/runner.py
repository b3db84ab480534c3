"""Runs the bench: every case by every contestant, in several processes, each score written down as it comes.

A run that was stopped goes on with what is missing when started again with the same folder.
"""

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from hoi_motion.errors import LiftError
from hoi_motion.keypoints.sources import keypoint_source
from hoi_motion.keypoints.track import KeypointSource
from hoi_motion.processes import as_they_come
from tavid_planner.config import VideoConfig
from tavid_planner.instances import ACTOR, OTHER, TARGET, Instance
from tavid_planner.request import InteractionRequest
from training.bench.cases import BENCH_VERSION, Case
from training.bench.company_score import score_company
from training.bench.scoring import VideoScore, candidate_masks, score
from training.claims import claim, model_facts
from training.json_lines import append_line, drop_cut_line, read_lines
from training.scenes.scene import SceneSample

CONTESTANTS = {
    "truth": "ground-truth clips",
    "vae": "ground-truth clips through the VAE",
    "adapter": "mask and adapter",
    "chosen": "mask and adapter, of four clips the one that the planner prefers by what hands do",
    "base": "base without mask",
    "modulation": "base without mask, attention modulated",
    "still": "a still person whose target smears away: a touch is false",
}
"""What makes the clips: the first two say what detector and VAE alone cost, the last what the detector invents."""
USUAL_CONTESTANTS = [name for name in CONTESTANTS if name != "chosen"]
"""Without the one that takes up to four times as long."""
CHOSEN_OF = 4

MARKS = (("target", TARGET), ("actor", ACTOR), ("companion", OTHER), ("companion's object", OTHER))


@dataclass(frozen=True)
class Result:
    """Score of one contestant on one case; true_share: share of frames in contact in the ground truth."""

    contestant: str
    case: Case
    candidates: int
    true_share: float
    score: VideoScore

    def line(self) -> dict:
        return {
            "contestant": self.contestant,
            "class": self.case.name,
            "index": self.case.index,
            "candidates": self.candidates,
            "true_share": self.true_share,
            "score": asdict(self.score),
        }

    @staticmethod
    def of_line(line: dict) -> "Result":
        return Result(
            line["contestant"],
            Case(line["class"], line["index"]),
            line["candidates"],
            line["true_share"],
            VideoScore(**line["score"]),
        )


def run_bench(
    config: VideoConfig,
    cases: list[Case],
    contestants: list[str],
    out: Path,
    keypoints: str,
    seed: int = 0,
    workers: int = 1,
) -> list[Result]:
    """Scores of all contestants on all cases, also in `scores.jsonl` of the folder `out`.

    Args:
        keypoints: source of the keypoints by which contact is judged, as the option lift.keypoints names them.
        seed: of the sampler.

    Raises:
        InputError: CONFIG_INVALID when the folder holds scores of another model or setting.
        VideoError: MODEL_MISSING, ADAPTER_INCOMPATIBLE, OUT_OF_MEMORY.
    """
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    claim(
        out / "bench.json",
        {"bench": BENCH_VERSION, "seed": seed, "keypoints": keypoints, **model_facts(config)},
        "scores",
    )
    drop_cut_line(out / "scores.jsonl")
    done = {(r.contestant, r.case): r for r in map(Result.of_line, read_lines(out / "scores.jsonl"))}
    jobs = [(case, [c for c in contestants if (c, case) not in done]) for case in cases]
    jobs = [(case, missing) for case, missing in jobs if missing]
    for result in judge_cases(jobs, config, keypoints, seed, workers, out.name):
        append_line(out / "scores.jsonl", result.line())
        done[result.contestant, result.case] = result
    return [done[contestant, case] for contestant in contestants for case in cases]


def judge_cases(
    jobs: list, config: VideoConfig, keypoints: str, seed: int, workers: int, what: str
) -> Iterator[Result]:
    """Results of (case, contestants) jobs as they come, with a progress bar named `what`."""
    with tqdm(total=sum(len(contestants) for _, contestants in jobs), unit="clip", desc=what) as bar:
        for result in _results(jobs, config, keypoints, seed, workers):
            yield result
            bar.update()


def _results(jobs: list, config: VideoConfig, keypoints: str, seed: int, workers: int) -> Iterator[Result]:
    if workers <= 1:
        for case, contestants in jobs:
            yield from judge_case(case, contestants, config, keypoints, seed)
        return
    waiting = {number: (*job, config, keypoints, seed) for number, job in enumerate(jobs)}
    for _, results in as_they_come(_judge_case_whole, waiting, workers, _one_thread if len(waiting) > 1 else None):
        yield from results


def _one_thread() -> None:
    """Processes share the cores; more threads than cores slow all of them."""
    import torch

    torch.set_num_threads(1)


def _judge_case_whole(*job) -> list[Result]:
    return list(judge_case(*job))


def judge_case(case: Case, contestants: list[str], config: VideoConfig, keypoints: str, seed: int) -> Iterator[Result]:
    """Make the scene of a case, then the clip of every contestant, and judge it."""
    scene = case.scene(config.height, config.width, config.num_frames, config.fps)
    masks = candidate_masks(scene)
    true_share = float((scene.contact_labels == scene.target_id).mean())
    source = keypoint_source(keypoints)
    for contestant in contestants:
        frames = clip_of(contestant, scene, config, seed, keypoints)
        yield Result(contestant, case, len(masks), true_share, outcome_of(frames, scene, source))


def outcome_of(frames: np.ndarray, scene: SceneSample, source: KeypointSource) -> VideoScore:
    """What a clip (T, H, W, 3) u8 does that begins with a scene's first frame."""
    if scene.company is not None:
        return score_company(frames, scene, source)
    return score(frames, scene.frames[0], candidate_masks(scene), scene.fps, source)


def clip_of(
    contestant: str, scene: SceneSample, config: VideoConfig, seed: int, keypoints: str = ""
) -> np.ndarray:  # (T, H, W, 3) u8
    """The clip that a contestant makes of a scene's first frame, or of its ground truth.

    Args:
        keypoints: source by which "chosen" chooses; the others need none.

    Raises:
        InputError: CONFIG_INVALID for "chosen" without a known source.
        VideoError: MODEL_MISSING, ADAPTER_INCOMPATIBLE, OUT_OF_MEMORY.
    """
    from tavid_planner.video import generate_video
    from training.bench.attention_modulation import modulation_for

    if contestant == "truth":
        return scene.frames
    if contestant == "still":
        return smeared_away(scene.frames[0], scene.target_mask, len(scene.frames))
    if contestant == "vae":
        return through_vae(_pipeline(replace(config, adapter="")).vae, scene.frames)
    if contestant not in ("adapter", "chosen"):
        config = replace(config, adapter="")
    request = InteractionRequest.of_instances(scene.frames[0], marked(scene), scene.caption, intrinsics=scene.K)
    pipeline = _pipeline(config)
    if contestant == "chosen":
        return chosen_clip(request, config, pipeline, keypoints, seed)
    with modulation_for(pipeline, scene, config) if contestant == "modulation" else nullcontext():
        return generate_video(pipeline, request, config, seed).frames


def chosen_clip(
    request: InteractionRequest, config: VideoConfig, pipeline, keypoints: str, seed: int
) -> np.ndarray:  # (T, H, W, 3) u8
    """Of CHOSEN_OF clips the first in which a hand touches the target and the right people act; without one, the first
    with a touch, or the first: the planner's own choice, as far as it looks at pictures alone."""
    from hoi_motion.lift.config import LiftConfig
    from tavid_planner.others import hands_seen
    from tavid_planner.planner import clip_of as seen_in
    from tavid_planner.video import generate_video

    lift, best = LiftConfig(keypoints=keypoints), None
    for k in range(CHOSEN_OF):
        video = generate_video(pipeline, request, config, seed + k)
        try:
            seen, people = hands_seen(request, seen_in(request, video), lift)
            rank = (people is not False and bool(seen.contacts), bool(seen.contacts))
        except LiftError:
            rank = (False, False)
        if best is None or rank > best[0]:
            best = rank, video.frames
        if rank[0]:
            break
    return best[1]


def marked(scene: SceneSample) -> list[Instance]:
    """What is marked in a scene's first frame: SceneSample.marked_ids, in that order."""
    first = scene.instance_ids[0]
    named = zip(MARKS, scene.marked_ids, strict=False)
    return [Instance(name, role, first == instance) for (name, role), instance in named]


def smeared_away(image: np.ndarray, mask: np.ndarray, num_frames: int) -> np.ndarray:  # (T, H, W, 3) u8
    """A clip in which nothing happens, except that what is under the mask is smeared from the middle on."""
    soft = cv2.GaussianBlur(cv2.dilate(mask.astype(np.float32), np.ones((5, 5))), (0, 0), 2.0)[..., None]
    smear = (soft * cv2.GaussianBlur(image, (0, 0), 5.0) + (1 - soft) * image).round().astype(np.uint8)
    return np.stack([image] * (num_frames // 2) + [smear] * (num_frames - num_frames // 2))


@lru_cache(maxsize=2)
def _pipeline(config: VideoConfig):
    from tavid_planner.video import load_pipeline

    return load_pipeline(config)


def through_vae(vae, frames: np.ndarray) -> np.ndarray:
    """A clip (T, H, W, 3) u8 encoded and decoded: what no transformer can improve on."""
    import torch

    pixels = torch.from_numpy(frames).permute(3, 0, 1, 2)[None].to(vae.device, vae.dtype) / 127.5 - 1
    with torch.no_grad():
        decoded = vae.decode(vae.encode(pixels).latent_dist.mean).sample[0]
    return ((decoded.float().clamp(-1, 1) + 1) * 127.5).round().byte().permute(1, 2, 3, 0).cpu().numpy()
