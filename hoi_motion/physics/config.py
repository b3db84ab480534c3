"""Limits of the physics check, each with its reason and source beside it.

Limits that depend on the frame rate are given as speeds, or at 30 frames per second and scaled.
"""

from dataclasses import dataclass

from hoi_motion.options import check_options, option


@dataclass(frozen=True)
class CheckConfig:
    """Limits of the checks, and what is simulated and repaired; the section `check` of a profile."""

    # Soft tissue and skin yield by about a centimetre, body models and primitives are off by another.
    penetration_m: float = option(0.02, "deepest allowed penetration", minimum=0, maximum=1, unit="m")
    # BEHAVE (Bhatnagar et al. 2022) calls two surfaces in contact below 2 cm.
    contact_distance_m: float = option(0.02, "surfaces closer than this touch", minimum=0, maximum=0.2, unit="m")
    # A shoe sole, which body models leave out, is 1-3 cm.
    floating_m: float = option(0.02, "lowest body point over the support", minimum=0, maximum=1, unit="m")
    # 0.3 m/s: slow against a step (several m/s), well above the noise of planted feet in tracked motion.
    skating_m: float = option(
        0.01, "planted foot displacement per frame at 30 fps", minimum=0, maximum=1, unit="m/frame at 30 fps"
    )
    # One frame in ten may be lost to tracking noise or a regrasp.
    contact_kept_share: float = option(0.9, "share of grasp frames with a hand contact", minimum=0, maximum=1)
    # 0.5 m of free fall take 0.32 s: shorter gaps of support are noise in contact labels.
    support_drift_m: float = option(
        0.5, "distance an unsupported object may differ from free fall", minimum=0, maximum=10, unit="m"
    )
    # Object trackers drift by 1-2 cm over a clip.
    object_still_m: float = option(
        0.03, "displacement of a supported object that nobody touches", minimum=0, maximum=1, unit="m"
    )
    # A grasped object follows the hand; a pushed one slides along it at the fingers' speed at most.
    object_slip_m_s: float = option(
        0.8, "object speed that neither the touching hand nor gravity explains", minimum=0, maximum=100, unit="m/s"
    )
    # Half a foot's length: acceleration is known only roughly at a few frames a second.
    balance_m: float = option(
        0.10, "mean distance of the centre of pressure to the support polygon", minimum=0, maximum=1, unit="m"
    )
    # Elbows reach about 20-25 rad/s in a fast throw without external rotation of the shoulder; in daily life they stay
    # below 10.
    joint_velocity_rad_s: float = option(20.0, "fastest joint", minimum=0.1, maximum=1000, unit="rad/s")
    # The anatomical table (body/anatomy.py) already includes the spread between people.
    joint_limit_deg: float = option(0.0, "degrees over an anatomical joint limit", minimum=0, maximum=180, unit="deg")

    simulate: bool = option(False, "also track the motion with a simulated person; takes seconds")
    # An error of half a metre counts as lost: the usual bound in motion imitation (for example PHC, Luo et al. 2023).
    tracking_m: float = option(0.5, "mean joint error of the simulated person", minimum=0, maximum=10, unit="m")
    # The root spring carries what contacts do not: about 0.05 where feet stand, nearly 1 where nothing carries the
    # body.
    root_wrench_share: float = option(
        0.5, "force that holds the simulated pelvis", minimum=0, maximum=100, unit="of body weight"
    )
    # As far as a resting object may move in the motion itself.
    object_settle_m: float = option(
        0.03, "displacement of an object let go in the first frame", minimum=0, maximum=1, unit="m"
    )
    # The hand may close around the object near its place in the motion (hand/grips.py): what still stays behind was not
    # held.
    judge_following: bool = option(True, "fail when friction alone does not carry a held object along")
    # The width of a hand (ANSUR II, Gordon et al. 2014: 8-9 cm): an object farther from its place has left it.
    object_follow_m: float = option(
        0.08, "distance of a touched object, moved by contact alone, from its place", minimum=0, maximum=10, unit="m"
    )
    # Repair (repair.py): how far a motion may be changed before it counts as another motion.
    repair: bool = option(
        True, "plans: repair a failing motion by the smallest change that passes, and report what moved"
    )
    # About the wrist's lifting error in the worst of 60 scenes, 109 [result lift.wrist_mm_worst] mm: such a change is
    # within the uncertainty of the lift.
    repair_joint_m: float = option(
        0.12, "largest change of a joint relative to the pelvis", minimum=0, maximum=1, unit="m"
    )
    repair_root_m: float = option(0.10, "largest change of the body as a whole", minimum=0, maximum=1, unit="m")
    # Skating adds up over a clip, so its removal is bounded by speed: twice the skating limit.
    repair_drift_m_s: float = option(
        0.6, "largest speed of foot skating that is removed", minimum=0, maximum=10, unit="m/s"
    )
    # Less than the error of the worst of 60 lifted objects, mostly in depth: 33 [result lift.object_cm_worst] cm.
    repair_object_m: float = option(0.30, "largest change of an object", minimum=0, maximum=1, unit="m")

    def __post_init__(self):
        check_options(self, "check.")
