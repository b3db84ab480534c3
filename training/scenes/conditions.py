"""What a scene should be like beyond what training scenes are: the knobs of TargetBench's difficulty classes.

A scene without conditions is a training scene. Every condition leaves the random numbers of the rest as they are.
"""

from dataclasses import dataclass, field

import numpy as np

OCCLUDER_NAMES = ("bottle", "box", "jar")
OCCLUDER_AHEAD_M = 0.13, 0.22


@dataclass(frozen=True)
class CameraRange:
    """Where the camera may stand, seen from an actor at the origin who faces +x.

    Attributes:
        azimuth_mean_rad, azimuth_std_rad, azimuth_limits_rad: clipped normal distribution, 0 is in front of the actor.
        elevation_rad, vertical_fov_deg: uniform ranges.
    """

    azimuth_mean_rad: float = 0.0
    azimuth_std_rad: float = 0.42
    azimuth_limits_rad: tuple[float, float] = (-0.95, 0.95)
    elevation_rad: tuple[float, float] = (0.18, 0.42)
    vertical_fov_deg: tuple[float, float] = (38, 56)


@dataclass(frozen=True)
class Conditions:
    """Demands on a scene; the defaults are those of training scenes.

    Attributes:
        others: number of objects that differ from the candidates, None: 0 to 2.
        names: kinds of object the candidates may be, None: any that training uses.
        target_factors: (x, y, z) by which the candidates are larger than training ones.
        grasp_height: where the palm goes on the candidates, share of their height; None as in training.
        spread_m: how wide an area the objects may take, across the actor.
        further_m: how much further from the actor the objects stand.
        occluder: put a tall object of another kind before the target.
        target_shown: smallest and largest visible share of the target's silhouette in the first frame.
        on_table: never on the floor.
        camera: where the camera may stand.
        camera_tries: views tried before the arrangement is given up.
    """

    others: int | None = None
    names: tuple[str, ...] | None = None
    target_factors: tuple[float, float, float] = (1.0, 1.0, 1.0)
    grasp_height: float | None = None
    spread_m: float = 1.12
    further_m: float = 0.0
    occluder: bool = False
    target_shown: tuple[float, float] = (0.6, 1.0)
    on_table: bool = False
    camera: CameraRange = field(default_factory=CameraRange)
    camera_tries: int = 4

    def shows(self, silhouette_shares: np.ndarray, target: int) -> bool:
        """Whether enough, and not too much, of the objects is visible; shares (N,) of their own silhouettes."""
        low, high = self.target_shown
        others = np.delete(silhouette_shares, target)
        return bool(low <= silhouette_shares[target] <= high and (others >= min(low, 0.6)).all())


TRAINING = Conditions()
