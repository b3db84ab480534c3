"""Plans human-object interaction from a camera frame and the mask of one object."""

from tavid_planner.errors import ErrorCode, TavidError
from tavid_planner.request import InteractionRequest

__all__ = ["ErrorCode", "InteractionRequest", "TavidError"]
__version__ = "0.1.0"
