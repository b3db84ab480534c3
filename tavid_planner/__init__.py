"""Plans human-object interaction from a camera frame and the mask of one object."""

from typing import TYPE_CHECKING

from hoi_motion.lazy import lazy_names
from tavid_planner.errors import ErrorCode, TavidError

if TYPE_CHECKING:
    from hoi_motion.progress import CancelToken
    from tavid_planner.bundle import save_plan
    from tavid_planner.config import PlannerConfig, load_profile
    from tavid_planner.plan import InteractionPlan, InteractionVideo
    from tavid_planner.planner import Planner
    from tavid_planner.request import InteractionRequest

__all__ = [
    "CancelToken",
    "ErrorCode",
    "InteractionPlan",
    "InteractionRequest",
    "InteractionVideo",
    "Planner",
    "PlannerConfig",
    "TavidError",
    "load_profile",
    "save_plan",
]
__version__ = "0.1.0"

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "CancelToken": "hoi_motion.progress",
        "InteractionPlan": "tavid_planner.plan",
        "InteractionRequest": "tavid_planner.request",
        "InteractionVideo": "tavid_planner.plan",
        "Planner": "tavid_planner.planner",
        "PlannerConfig": "tavid_planner.config",
        "load_profile": "tavid_planner.config",
        "save_plan": "tavid_planner.bundle",
    },
)
