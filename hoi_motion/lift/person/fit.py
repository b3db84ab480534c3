"""SMPL-X fitted to 2D keypoints, all frames in one batch, in stages from weak to strong.

The energy is a negative log-likelihood: Geman-McClure reprojection, the lifter's 3D points, a pose prior with joint
limits, shape, smoothness of joints over time, planted feet (SMPLify-X, Pavlakos et al. 2019, section 3; for the
temporal terms SLAHMR, Ye et al. 2023, section 3.3). A depth image of the first frame says how large the person is, and
with that how far away in every frame, how the skin lies, which way is up, and where the floor is.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch

from hoi_motion.body import JOINT_NAMES, BodyModel
from hoi_motion.body.mass import mass_weights
from hoi_motion.body.skeleton import rotation_matrices
from hoi_motion.errors import ErrorCode, LiftError
from hoi_motion.keypoints import model_points as km
from hoi_motion.keypoints import track as kp
from hoi_motion.keypoints.sides import facing_score, flip_frames
from hoi_motion.lift.camera import R_level_camera
from hoi_motion.lift.config import LiftConfig
from hoi_motion.lift.person.fit_start import Start, fit_start
from hoi_motion.lift.person.lifter import HIPS, Lifted, lift_keypoints
from hoi_motion.lift.person.measured_room import MeasuredRoom
from hoi_motion.lift.person.measured_surface import MeasuredSurface, grown_betas
from hoi_motion.lift.person.planted_feet import FOOT_POINTS, planted_feet, standing_through
from hoi_motion.lift.person.priors import PosePrior
from hoi_motion.progress import CancelToken, OnProgress, silent

MAX_MEAN_ERROR = 0.08
ACCELERATION_M_S2 = 6.0
ANGULAR_STEP_RAD_S = 6.0
# clips begin with a person who stands: the first 1/STANDING_SHARE of the frames
STANDING_SHARE = 6
# cameras at head height look down a little; where the lifter says how much, it is right within a few degrees
USUAL_PITCH_DEG, PITCH_SPREAD_DEG = -8.0, 14.0
LIFTED_PITCH_DEG = 4.0
# what a lifted point weighs against a keypoint, and the least scatter it is believed to have
LIFTED, LEAST_SPREAD_M = 2.0, 0.02
# the lowest points of a standing foot are that high over its sole; a foot is where it was so many frames ago, since
# from one frame to the next alone it could creep away
SOLE_M, LAGS = 0.017, (1, 4, 16)
# how far the centre of mass of who stands gets from where it was over the feet, and what that weighs: who leans
# forwards or crouches moves the hips backwards
BALANCE_M, BALANCE = 0.04, 24.0
# what measured skin weighs in all, how many points of it are asked, and how far skin is from the fitted body's; a lean
# that the lifter got wrong puts the legs 7 cm off
SKIN, SKIN_POINTS, SKIN_SPREAD_M, SKIN_ROBUST_M = 1000.0, 300, 0.02, 0.12


@dataclass(frozen=True)
class BodyFit:
    """A fitted body in the level frame (camera.py).

    Attributes:
        pose_rad: (T, 55, 3); transl_m: (T, 3); betas: (B,).
        points_m: (T, 76, 3) joints and surface points.
        pitch_rad: the camera's; floor_m: height of the floor in the level frame.
        error: (T,) mean reprojection error of confident keypoints, as a share of the person's height.
        energy: the final energy per frame, to compare hypotheses.
    """

    pose_rad: np.ndarray
    transl_m: np.ndarray
    betas: np.ndarray
    points_m: np.ndarray
    pitch_rad: float
    floor_m: float
    error: np.ndarray
    energy: float


@dataclass(frozen=True)
class Stage:
    """Weights of one optimisation stage."""

    name: str
    rate: float
    robust: float  # Geman-McClure scale as a share of the person's height
    hands: float
    smooth: float
    feet: float
    skin: float


STAGES = (
    Stage("orient", 0.05, robust=0.5, hands=0.0, smooth=0.3, feet=0.0, skin=0.0),
    Stage("body", 0.03, robust=0.2, hands=0.3, smooth=1.0, feet=0.3, skin=1.0),
    Stage("hands and feet", 0.015, robust=0.1, hands=1.0, smooth=1.0, feet=1.0, skin=1.0),
)


def fit_body(
    body: BodyModel,
    track: kp.KeypointTrack,
    K: np.ndarray,  # (3, 3)
    fps: float,
    config: LiftConfig = LiftConfig(),
    *,
    depth_m: np.ndarray | None = None,  # (H, W), of the first frame
    on_progress: OnProgress = silent,
    cancel: CancelToken | None = None,
) -> BodyFit:
    """Fit the body to a keypoint track.

    Raises:
        LiftError: FIT_DIVERGED when the best fit does not explain the keypoints.
    """
    tracks = [track]
    if facing_score(track) < 0.25:
        # front or back is unclear: the person turned by 180 degrees is a second hypothesis
        tracks.append(flip_frames(track, np.ones(track.num_frames, bool)))
    fits = []
    for i, hypothesis in enumerate(tracks):

        def report(stage, fraction, i=i):
            on_progress(stage, (i + fraction) / len(tracks))

        fits.append(_Fitter(body, hypothesis, K, fps, config, depth_m).run(report, cancel))
    best = min(fits, key=lambda fit: fit.energy)
    mean_error = float(np.mean(best.error))
    if not np.isfinite(mean_error) or mean_error > MAX_MEAN_ERROR:
        raise LiftError(
            ErrorCode.FIT_DIVERGED,
            f"the fitted body misses the person's keypoints by {100 * mean_error:.1f}% of the body height on average",
            "the person should be seen from near the hips up, and not be heavily blurred",
        )
    return best


class _Fitter:
    """Variables and energy of one fit."""

    def __init__(self, body, track, K, fps, config, depth_m):
        self.body, self.fps, self.config, self.iterations = body, fps, config, config.iterations
        self.K = torch.tensor(K, dtype=torch.float32)
        self.height_px = max(track.person_height_px(), 8.0)
        self.prior = PosePrior()
        self.map, self.drawn_m = torch.tensor(km.BODY_MATRIX), torch.tensor(km.drawn_m(track.detector))
        self.hand_maps = [torch.tensor(km.LEFT_HAND_MATRIX), torch.tensor(km.RIGHT_HAND_MATRIX)]
        self.spread = torch.tensor(km.BODY_SPREAD)
        confident = kp.believed(track.body_px, config.min_keypoint_confidence)
        self.body_px = torch.tensor(track.body_px[:, list(km.BODY_KEYPOINTS), :2], dtype=torch.float32)
        self.weight = torch.tensor(confident[:, list(km.BODY_KEYPOINTS)], dtype=torch.float32)
        self.surface = None if depth_m is None else MeasuredSurface(depth_m, K, body.faces)
        self.room = None if depth_m is None else MeasuredRoom(depth_m, K)
        lifted = lift_keypoints(track, K, fps, config.min_keypoint_confidence)
        self.up = None if self.room is None else self.room.up(lifted.pitch_rad)
        if self.up is not None:
            lifted = _turned_up(lifted, self.up)
        hands = [track.left_hand_px, track.right_hand_px]
        self.hands_px = [torch.tensor(h[..., :2], dtype=torch.float32) for h in hands]
        self.hands_weight = [torch.tensor(h[..., 2], dtype=torch.float32) for h in hands]
        self.lifted_m = torch.tensor(lifted.points_m, dtype=torch.float32)
        self.axes = torch.tensor(lifted.axes, dtype=torch.float32)
        self.lifted_spread_m = torch.tensor(lifted.spread_m, dtype=torch.float32).clamp(min=LEAST_SPREAD_M)
        planted = planted_feet(track, self.height_px, fps)
        self.planted = torch.tensor(planted, dtype=torch.float32)
        self.standing = {
            lag: torch.tensor(standing_through(planted, lag), dtype=torch.float32) for lag in LAGS if lag < len(planted)
        }
        self.stood = torch.tensor(np.minimum.accumulate(planted.min(1)), dtype=torch.float32)
        self.mass = torch.tensor(mass_weights(), dtype=torch.float32)
        start: Start = fit_start(body, track, K, confident, lifted)
        self.base = torch.tensor(start.R_level_root, dtype=torch.float32)  # (T, 3, 3)
        self.turn = torch.zeros(track.num_frames, 3, requires_grad=True)
        self.body_rad = torch.tensor(start.body_rad, dtype=torch.float32).requires_grad_()
        self.hands_rad = self.prior._hands.repeat(track.num_frames, 1, 1).requires_grad_()
        self.ray = torch.tensor(start.ray, dtype=torch.float32).requires_grad_()  # (T, 2) x/z, y/z in the camera
        self.log_depth = torch.tensor(start.log_depth, dtype=torch.float32).requires_grad_()  # (T,)
        self.betas = torch.zeros(body.num_betas, requires_grad=True)
        self.pitch = torch.tensor(float(start.pitch_rad), requires_grad=True)
        self.floor = torch.tensor(float(start.floor_m), requires_grad=True)
        self.pitch_start = float(start.pitch_rad)
        self.lifted_growth = torch.tensor(0.0, requires_grad=True)  # logarithm
        self.measured_betas = torch.zeros(body.num_betas)
        self.measured_skin, self.floor_is_measured = None, False

    def run(self, on_progress: OnProgress, cancel: CancelToken | None) -> BodyFit:
        total = len(STAGES) * self.iterations
        for s, stage in enumerate(STAGES):
            self._take_measured_size()
            self._take_measured_floor()
            groups = [
                {"params": [self.turn, self.body_rad, self.hands_rad], "lr": stage.rate},
                {"params": [self.ray], "lr": 0.2 * stage.rate},
                {"params": [self.log_depth, *self._unmeasured()], "lr": 0.3 * stage.rate},
                {"params": [self.betas], "lr": 2 * stage.rate},
            ]
            optimizer = torch.optim.Adam(groups, betas=(0.9, 0.98))
            schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, self.iterations, 0.1 * stage.rate)
            for i in range(self.iterations):
                if cancel is not None:
                    cancel.raise_if_cancelled()
                optimizer.zero_grad()
                energy = self.energy(stage)
                energy.backward()
                optimizer.step()
                schedule.step()
                on_progress("fit", (s * self.iterations + i + 1) / total)
        return self.result()

    @torch.no_grad()
    def _take_measured_size(self) -> None:
        """Person and distance grow by what the depth image says, about the camera: the picture stays the same."""
        if self.surface is None:
            return
        skin = self._first_skin()
        ids, measured_m = self.surface.seen(skin)
        if not len(ids):
            self.measured_skin = None
            return
        some = np.linspace(0, len(ids) - 1, min(len(ids), SKIN_POINTS)).astype(int)
        self.measured_skin = self.body.skin(ids[some]), torch.tensor(measured_m[some], dtype=torch.float32)
        ratio = float(np.median(measured_m / skin[ids, 2]))
        self.log_depth += np.log(ratio)
        self.floor *= ratio
        self.lifted_m *= ratio
        self.lifted_spread_m *= ratio
        more = grown_betas(self.body.skeleton, self.betas, ratio) - self.betas
        self.betas += more
        self.measured_betas += more

    @torch.no_grad()
    def _take_measured_floor(self) -> None:
        if self.up is None:
            return
        pelvis_m = self._in_camera(torch.zeros(1, 3))[0].double().numpy()
        floor_m = self.room.floor_m(self.up, pelvis_m, float(self.floor))
        self.floor_is_measured = floor_m is not None
        if self.floor_is_measured:
            self.floor.fill_(floor_m)

    def _unmeasured(self) -> list[torch.Tensor]:
        """What no depth image has said about camera, floor and size; with one, the lifter's size is not asked."""
        return (
            ([self.pitch] if self.up is None else [])
            + ([] if self.floor_is_measured else [self.floor])
            + ([] if self.measured_skin is None else [self.lifted_growth])
        )

    def _first_skin(self) -> np.ndarray:  # (V, 3)
        """The first frame's skin in the camera frame."""
        vertices, joints = self.body.vertices_and_joints(self._pose()[:1], np.zeros((1, 3)), self.betas)
        return self._in_camera(vertices[0] - joints[0, 0]).double().numpy()

    def _in_camera(self, points: torch.Tensor) -> torch.Tensor:  # (N, 3) -> (N, 3)
        """Points of the first frame, from the pelvis, before the start's turn."""
        return (points @ self.base[0].T + self.pelvis()[0]) @ R_level_camera(self.pitch)

    def _pose(self) -> torch.Tensor:  # (T, 55, 3)
        face_rad = self.turn.new_zeros(len(self.turn), 3, 3)
        return torch.cat([self.turn[:, None], self.body_rad, face_rad, self.hands_rad], 1)

    def points(self) -> tuple[torch.Tensor, torch.Tensor]:  # (T, 76, 3), (T, 55, 3, 3)
        """Joints and surface points, and the joints' rotations, in the level frame."""
        pose = self._pose()
        betas, nowhere = self.betas.expand(len(pose), -1), pose.new_zeros(len(pose), 3)
        local, rotations = self.body.skeleton.keypoints_and_rotations(pose, nowhere, betas)
        local = local - local[:, :1]
        placed = (self.base @ local.transpose(1, 2)).transpose(1, 2) + self.pelvis()[:, None]
        return placed, self.base[:, None] @ rotations

    def pelvis(self) -> torch.Tensor:  # (T, 3)
        depth = self.log_depth.exp()[:, None]
        camera = torch.cat([self.ray * depth, depth], 1)
        return camera @ R_level_camera(self.pitch).T

    def project(self, points_level: torch.Tensor) -> torch.Tensor:  # (..., 3) -> (..., 2)
        camera = points_level @ R_level_camera(self.pitch)
        return (camera / camera[..., 2:].clamp(min=0.05)) @ self.K[:2].T

    def energy(self, stage: Stage) -> torch.Tensor:
        """Negative log-likelihood per frame."""
        points, rotations = self.points()
        T = len(points)
        seen = torch.einsum("kj,tjc->tkc", self.map, points)
        drawn = self.project(self._drawn(seen, rotations))
        terms = [self._reprojection(drawn, self.body_px, self.weight, self.spread, stage.robust)]
        if stage.hands:
            for matrix, px, weight in zip(self.hand_maps, self.hands_px, self.hands_weight):
                hand = self.project(torch.einsum("kj,tjc->tkc", matrix, points))
                terms.append(0.5 * stage.hands * self._reprojection(hand, px, weight, 0.012, stage.robust))
        terms.append(self._as_lifted(seen))
        terms += [self.prior.body(self.body_rad).sum(), self.prior.limits(self.body_rad).sum()]
        terms.append(0.2 * self.prior.hands(self.hands_rad).sum())
        terms.append(T * 0.5 * (self.betas - self.measured_betas).square().sum())
        terms += self._upright(points)
        terms += [stage.smooth * self.config.smoothness * term for term in self._smooth(points)]
        if self.surface is not None and stage.skin:
            terms.append(stage.skin * self._as_measured())
        if stage.feet:
            terms.append(stage.feet * self._feet(points))
        return sum(terms) / T

    def _drawn(self, seen: torch.Tensor, rotations: torch.Tensor) -> torch.Tensor:  # (T, N, 3)
        """Where the detector draws the keypoints, in the level frame."""
        return seen + (rotations[:, km.CARRIERS] @ self.drawn_m[..., None])[..., 0]

    def _reprojection(self, xy_px, want_px, weight, spread, robust) -> torch.Tensor:
        square = ((xy_px - want_px) / self.height_px).square().sum(-1)
        return (weight * (robust**2 * square / (robust**2 + square)) / (2 * spread**2)).sum()

    def _as_lifted(self, seen: torch.Tensor) -> torch.Tensor:
        """Distance from the lifter's points, from the middle of the hips, in units of its own spread; Student's t.

        A measured person is as large as the depth image says: then the lifter's points may grow as a whole.
        """
        hips = seen[:, HIPS].mean(1, keepdim=True)
        in_camera = (seen - hips) @ R_level_camera(self.pitch)
        miss = (in_camera - self.lifted_growth.exp() * self.lifted_m) @ self.axes.T / self.lifted_spread_m
        return LIFTED * 2.5 * torch.log1p(miss.square() / 4).sum()

    def _as_measured(self) -> torch.Tensor:
        """How far the first frame's skin is from the depth image's, along the optical axis; Geman-McClure."""
        if self.measured_skin is None:
            return torch.tensor(0.5 * SKIN * (SKIN_ROBUST_M / SKIN_SPREAD_M) ** 2)
        skin, measured_m = self.measured_skin
        points = skin.keypoints(self._pose()[:1], self.turn.new_zeros(1, 3), self.betas[None])[0]
        miss = self._in_camera(points[len(JOINT_NAMES) :] - points[0])[:, 2] - measured_m
        square = miss.square()
        return 0.5 * SKIN / SKIN_SPREAD_M**2 * (SKIN_ROBUST_M**2 * square / (SKIN_ROBUST_M**2 + square)).mean()

    def _upright(self, points: torch.Tensor) -> list[torch.Tensor]:
        """The trunk is more or less upright, most of all at the start; the camera is more or less level."""
        trunk = torch.nn.functional.normalize(points[:, 12] - points[:, 0], dim=-1)
        lean = torch.full((len(points),), np.deg2rad(25.0))
        lean[: max(1, len(points) // STANDING_SHARE)] = np.deg2rad(6.0)
        tilt = (2 - 2 * trunk[:, 2]) / lean**2
        pitch = (self.pitch - self.pitch_start) / np.deg2rad(LIFTED_PITCH_DEG)
        return [torch.log1p(tilt / 4).sum() * 2, len(points) * 0.1 * pitch**2]

    def _smooth(self, points: torch.Tensor) -> list[torch.Tensor]:
        if len(points) < 3:
            return []
        scale = ACCELERATION_M_S2 / self.fps**2 + 0.004
        bend = (points[2:] - 2 * points[1:-1] + points[:-2]) / scale
        pose = torch.cat([self.body_rad, self.hands_rad], 1)
        turn = (pose[1:] - pose[:-1]) / (ANGULAR_STEP_RAD_S / self.fps + 0.02)
        depth = (self.log_depth[1:] - self.log_depth[:-1]) / (0.3 / self.fps + 0.002)
        return [0.15 * bend.square().sum(), 0.3 * turn.square().sum(), 0.5 * depth.square().sum()]

    def _feet(self, points: torch.Tensor) -> torch.Tensor:
        feet = points[:, FOOT_POINTS]  # (T, 2, 4, 3)
        low = feet[..., 2].amin(-1)  # (T, 2)
        height = (low - self.floor - SOLE_M) / 0.02
        below = torch.relu(-height)
        energy = 0.5 * (self.planted * height**2).sum() + 0.5 * below.square().sum()
        for lag, standing in self.standing.items():
            step = (feet[lag:] - feet[:-lag]) / 0.01
            energy = energy + 0.5 * (standing[..., None, None] * step**2).sum() / 4
        return energy + self._balance(points)

    def _balance(self, points: torch.Tensor) -> torch.Tensor:
        """While both feet have stood since the first frame the centre of mass stays over them; Student's t."""
        centre = torch.einsum("j,tjc->tc", self.mass, points[:, : len(JOINT_NAMES)])
        miss = (centre - centre[:1])[:, :2].square().sum(-1) / BALANCE_M**2
        return BALANCE * 2.5 * (self.stood * torch.log1p(miss / 4)).sum()

    @torch.no_grad()
    def result(self) -> BodyFit:
        points, rotations = self.points()
        energy = float(self.energy(STAGES[-1]))
        drawn = self.project(self._drawn(torch.einsum("kj,tjc->tkc", self.map, points), rotations))
        miss = (drawn - self.body_px).norm(dim=-1) / self.height_px
        error = ((self.weight * miss).sum(1) / self.weight.sum(1).clamp(min=1e-3)).numpy()
        T = len(points)
        root = axis_angle(self.base @ rotation_matrices(self.turn))
        pose = torch.cat([root[:, None], self._pose()[:, 1:]], 1)
        # smplx turns the body about the pelvis, which the shape moves away from the origin
        transl = points[:, 0] - self.body.joints(pose, torch.zeros(T, 3), self.betas)[:, 0]
        return BodyFit(
            pose_rad=pose.numpy(),
            transl_m=transl.numpy(),
            betas=self.betas.numpy().copy(),
            points_m=points.numpy(),
            pitch_rad=float(self.pitch),
            floor_m=float(self.floor),
            error=error,
            energy=energy,
        )


def _turned_up(lifted: Lifted, up: np.ndarray) -> Lifted:
    """Lifted points with the measured up, in a camera without roll (camera.py).

    Where the lifter errs about up, its person leans with it, along the line of sight; what is seen across it stays.
    """
    level = up * [0, 1, 1] / np.linalg.norm(up[1:])
    lean = np.arctan2(level[2], -level[1]) - lifted.pitch_rad
    points = lifted.points_m.copy()
    points[..., 2] -= np.tan(lean) * points[..., 1]
    return replace(lifted, up=level, points_m=points)


def axis_angle(rotation: torch.Tensor) -> torch.Tensor:  # (T, 3, 3) -> (T, 3)
    from scipy.spatial.transform import Rotation

    return torch.tensor(Rotation.from_matrix(rotation.double().numpy()).as_rotvec(), dtype=torch.float32)
