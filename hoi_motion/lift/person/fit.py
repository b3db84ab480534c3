"""SMPL-X fitted to the evidence of a clip, all frames in one batch, in stages from weak to strong.

The energy is a negative log-likelihood, a sum of terms (terms/table.py): SMPLify-X (Pavlakos et al. 2019, section 3),
for the temporal terms SLAHMR (Ye et al. 2023, section 3.3).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch

from hoi_motion.body import BodyModel
from hoi_motion.body.anatomy import fingers_in_range
from hoi_motion.errors import ErrorCode, LiftError
from hoi_motion.keypoints import track as kp
from hoi_motion.keypoints.sides import facing_score, flip_frames
from hoi_motion.lift.config import LiftConfig
from hoi_motion.lift.person.doubt import off_probability
from hoi_motion.lift.person.evidence import GIVEN, Evidence, PersonSeen, StandingFeet, Touch
from hoi_motion.lift.person.feet.planted import hips_reached
from hoi_motion.lift.person.gather import gather_evidence, standing_feet
from hoi_motion.lift.person.guess import Guess, Unknowns, first_unknowns
from hoi_motion.lift.person.measured import measured_floor, measured_size, touching_arms
from hoi_motion.lift.person.terms.table import STAGES, TERMS
from hoi_motion.lift.person.terms.term import Stage
from hoi_motion.progress import CancelToken, OnProgress, part_of, silent

# a fit whose mean reprojection error is larger, as a share of the person's height, has diverged
MAX_MEAN_ERROR = 0.08
# from the body's points (T, 76, 3) m in the level frame, the camera's pitch and the floor's height there
TouchOf = Callable[[np.ndarray, float, float], Touch | None]


@dataclass(frozen=True)
class BodyFit:
    """A fitted body in the level frame (camera.py).

    Attributes:
        pose_rad: (T, 55, 3); transl_m: (T, 3); betas: (B,).
        points_m: (T, 76, 3) joints and surface points.
        pitch_rad: the camera's; floor_m: height of the floor in the level frame.
        error: (T,) mean reprojection error of confident keypoints, as a share of the person's height.
        off: (T, 2) how probably the frame is off in the picture, and in space (doubt.py).
        energy: the final energy per frame, to compare hypotheses.
    """

    pose_rad: np.ndarray
    transl_m: np.ndarray
    betas: np.ndarray
    points_m: np.ndarray
    pitch_rad: float
    floor_m: float
    error: np.ndarray
    off: np.ndarray
    energy: float


def fit_body(
    body: BodyModel,
    seen: PersonSeen,
    config: LiftConfig = LiftConfig(),
    *,
    touch_of: TouchOf | None = None,
    on_progress: OnProgress = silent,
    cancel: CancelToken | None = None,
) -> BodyFit:
    """Fit the body to a keypoint track.

    Args:
        touch_of: returns what is known of hands on the object, given about where the person is.

    Raises:
        LiftError: FIT_DIVERGED when the best fit does not explain the keypoints.
    """
    track, tracks = seen.track, [seen.track]
    if facing_score(track) < 0.25:
        # front or back is unclear: the person turned by 180 degrees is a second hypothesis
        tracks.append(flip_frames(track, np.ones(track.num_frames, bool)))
    fits = []
    for i, hypothesis in enumerate(tracks):
        evidence, start = gather_evidence(body, replace(seen, track=hypothesis), config)
        guess = Guess(body, evidence, start, first_unknowns(start, body.num_betas))
        share = part_of(on_progress, i / len(tracks), (i + 1) / len(tracks))
        fits.append(_fitted(guess, hypothesis, config, touch_of, share, cancel))
    best = min(fits, key=lambda fit: fit.energy)
    mean_error = float(np.mean(best.error))
    if not np.isfinite(mean_error) or mean_error > MAX_MEAN_ERROR:
        raise LiftError(
            ErrorCode.FIT_DIVERGED,
            f"the fitted body misses the person's keypoints by {100 * mean_error:.1f}% of the body height on average",
            "the person should be seen from near the hips up, and not be heavily blurred",
        )
    return best


def _fitted(
    guess: Guess,
    track: kp.KeypointTrack,
    config: LiftConfig,
    touch_of: TouchOf | None,
    on_progress: OnProgress,
    cancel: CancelToken | None,
) -> BodyFit:
    """The body after all stages, from a first guess; the last one is repeated where a touch is known."""
    stages = (*STAGES, STAGES[-1])
    total = len(stages) * config.iterations
    for s, stage in enumerate(stages):
        if s == len(STAGES):
            # only a finished fit says where the hands are without the touch
            touch = None if touch_of is None else touch_of(*_placed(guess.anew()))
            if touch is None:
                break
            guess = replace(guess, evidence=replace(guess.evidence, lifted=touching_arms(guess.anew(), touch)))
        if s == 1:  # the first stage leaves out the floor: how far away it puts the person tells whether they walk
            guess = replace(guess, evidence=replace(guess.evidence, feet=_feet_under(guess.anew(), track)))
        guess = replace(guess, evidence=measured_size(guess.anew()))
        guess = replace(guess, evidence=measured_floor(guess))
        optimizer = torch.optim.Adam(_rates(guess.unknowns, guess.evidence, stage.rate), betas=(0.9, 0.98))
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, config.iterations, 0.1 * stage.rate)
        for i in range(config.iterations):
            if cancel is not None:
                cancel.raise_if_cancelled()
            optimizer.zero_grad()
            energy(guess.anew(), stage, config).backward()
            optimizer.step()
            schedule.step()
            on_progress("fit", (s * config.iterations + i + 1) / total)
    return _body_fit(guess.anew(), track, config)


def energy(guess: Guess, stage: Stage, config: LiftConfig) -> torch.Tensor:
    """Negative log-likelihood per frame."""
    return sum(row.energy(guess, stage, config) for row in TERMS) / len(guess)


def _rates(unknowns: Unknowns, evidence: Evidence, rate: float) -> list[dict]:
    """The optimiser's groups. What is given or measured is not moved; where that tells the person's size, the lifter's
    points may be scaled to it, and where the depth image does, this clip's keypoints drawn elsewhere than usually."""
    sizes = [unknowns.log_depth]
    sizes += [] if evidence.up is not None else [unknowns.pitch]
    sizes += [] if evidence.floor_source else [unknowns.floor]
    sizes += [unknowns.drawn_m] if evidence.skin is not None else []
    sizes += [unknowns.lifted_growth] if evidence.skin is not None or evidence.floor_source == GIVEN else []
    return [
        {"params": [unknowns.turn, unknowns.body_rad, unknowns.hands_rad], "lr": rate},
        {"params": [unknowns.ray], "lr": 0.2 * rate},
        {"params": sizes, "lr": 0.3 * rate},
        {"params": [unknowns.betas], "lr": 2 * rate},
    ]


@torch.no_grad()
def _feet_under(guess: Guess, track: kp.KeypointTrack) -> StandingFeet:
    """Which foot stands when, of a person who is as far away as they are fitted to be."""
    evidence, distance_m = guess.evidence, guess.unknowns.log_depth.exp().double().numpy()
    reached = hips_reached(track, evidence.height_px, float(evidence.K[0, 0]), distance_m)
    return standing_feet(track, evidence.height_px, evidence.fps, reached)


@torch.no_grad()
def _placed(guess: Guess) -> tuple[np.ndarray, float, float]:
    return guess.points_m.double().numpy(), float(guess.unknowns.pitch), float(guess.unknowns.floor)


@torch.no_grad()
def _body_fit(guess: Guess, track: kp.KeypointTrack, config: LiftConfig) -> BodyFit:
    root, unknowns, seen = guess.points_m[:, 0], guess.unknowns, guess.evidence.body
    miss = (guess.drawn_px - seen.px).norm(dim=-1) / guess.evidence.height_px
    error = ((seen.weight * miss).sum(1) / seen.weight.sum(1).clamp(min=1e-3)).numpy()
    pose = torch.tensor(fingers_in_range(guess.whole_pose_rad().double().numpy()), dtype=root.dtype)
    points = guess.body.joints(pose, torch.zeros(len(guess), 3), unknowns.betas)
    # smplx turns the body about the pelvis, which the shape moves away from the origin
    transl = root - points[:, 0]
    points = points + transl[:, None]
    return BodyFit(
        pose_rad=pose.numpy(),
        transl_m=transl.numpy(),
        betas=unknowns.betas.numpy().copy(),
        points_m=points.numpy(),
        pitch_rad=float(unknowns.pitch),
        floor_m=float(unknowns.floor),
        error=error,
        off=off_probability(track, error, guess.evidence.lifted.spread_m[..., 2].mean(1).numpy()),
        energy=float(energy(guess, STAGES[-1], config)),
    )
