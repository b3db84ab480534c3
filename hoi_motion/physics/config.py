"""Limits of the physics check; docs/architecture.md says where each is from."""

from dataclasses import dataclass

from hoi_motion.options import check_options, option


@dataclass(frozen=True)
class CheckConfig:
    penetration_m: float = option(0.02, "deepest allowed penetration", minimum=0, maximum=1, unit="m")
    floating_m: float = option(0.02, "lowest body point over the support", minimum=0, maximum=1, unit="m")
    skating_m: float = option(0.01, "planted foot displacement a frame at 30 fps", minimum=0, maximum=1, unit="m")
    contact_kept_share: float = option(0.9, "share of grasp frames with a hand contact", minimum=0, maximum=1)
    support_drift_m: float = option(0.5, "height an unsupported object may differ from free fall", minimum=0, maximum=10, unit="m")
    balance_m: float = option(0.10, "centre of mass outside the support polygon", minimum=0, maximum=1, unit="m")
    joint_velocity_rad_s: float = option(20.0, "fastest joint", minimum=0.1, maximum=1000, unit="rad/s")
    joint_limit_deg: float = option(0.0, "degrees over an anatomical joint limit", minimum=0, maximum=180, unit="deg")

    def __post_init__(self):
        check_options(self, "check.")
