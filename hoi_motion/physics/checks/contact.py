"""Does a hand that is labelled as touching an object touch it?"""

import numpy as np

from hoi_motion.frames import runs_of
from hoi_motion.physics.geometry import MotionGeometry
from hoi_motion.physics.report import CheckResult
from hoi_motion.physics.world import PhysicsWorld


def contact_kept(geometry: MotionGeometry, world: PhysicsWorld) -> CheckResult:
    """Share of the frames labelled as contact in which a labelled hand is within the contact distance.

    Reports the worst object and the middle of its longest gap.
    """
    name, limit, unit = "contact_kept", geometry.config.contact_kept_share, "share"
    motion = geometry.motion
    if not motion.contacts:
        return CheckResult.not_run(name, limit, unit, "the motion labels no hand contact with an object")
    worst = (2.0, None, "")
    for item in motion.objects:
        labelled = np.zeros(motion.num_frames, bool)
        touching = np.zeros(motion.num_frames, bool)
        for hand in sorted({c.hand for c in motion.contacts if c.object_name == item.name}):
            said = motion.contact_mask(hand, item.name)
            labelled |= said
            touching |= said & geometry.hand_touches(hand, item)
        if labelled.any() and (share := touching.sum() / labelled.sum()) < worst[0]:
            worst = (float(share), _longest_gap(labelled & ~touching), item.name)
    share, gap, object_name = worst
    if gap is None:
        return CheckResult.at_least(name, share, limit, unit, None, f"a hand touches {object_name} whenever it should")
    start, end = gap
    reason = (
        f"no hand touches {object_name} from {start / motion.fps:.1f} s to {end / motion.fps:.1f} s although it is "
        f"labelled as held; touched in {share:.0%} of those frames"
    )
    return CheckResult.at_least(name, share, limit, unit, (start + end - 1) // 2, reason)


def _longest_gap(missing: np.ndarray) -> tuple[int, int] | None:
    """First frame and end of the longest run of True, or None."""
    runs = runs_of(missing)
    return max(runs, key=lambda run: run[1] - run[0]) if runs else None
