"""check_motion: run every check on a motion."""

from hoi_motion.errors import CheckError, ErrorCode, LiftError
from hoi_motion.ground.still_world import in_still_world
from hoi_motion.motion import HoiMotion
from hoi_motion.physics.checks import CHECKS
from hoi_motion.physics.config import CheckConfig
from hoi_motion.physics.geometry import MotionGeometry
from hoi_motion.physics.report import PhysicsReport
from hoi_motion.physics.world import PhysicsWorld
from hoi_motion.progress import CancelToken, OnProgress, silent


def check_motion(
    motion: HoiMotion,
    config: CheckConfig = CheckConfig(),
    *,
    body=None,
    on_progress: OnProgress = silent,
    cancel: CancelToken | None = None,
) -> PhysicsReport:
    """Whether a motion is physically possible, in the world that stands still where its camera moved.

    Args:
        body: the BodyModel the motion was made with; None loads the free body.
        on_progress: called with stage "check".

    Raises:
        CheckError: CHECK_NOT_RUN when the body is missing or does not match, an object has no volume, or PyBullet
            fails.
        ControlError: CANCELLED once the token is set.
    """
    cancel = cancel or CancelToken()
    on_progress("check", 0.0)
    cancel.raise_if_cancelled()
    body = body if body is not None else free_body(motion)
    geometry = MotionGeometry(in_still_world(motion, body), config, body)
    cancel.raise_if_cancelled()
    with PhysicsWorld(geometry.parts, geometry.surfaces, geometry.supports) as world:
        return run_checks(geometry, world, on_progress, cancel)


def run_checks(
    geometry: MotionGeometry, world: PhysicsWorld, on_progress: OnProgress, cancel: CancelToken
) -> PhysicsReport:
    """Every check, in the order of the report."""
    results = []
    for number, check in enumerate(CHECKS):
        cancel.raise_if_cancelled()
        results.append(check(geometry, world))
        on_progress("check", (number + 1) / len(CHECKS))
    return PhysicsReport(tuple(results))


def free_body(motion: HoiMotion):
    """The free body for a motion; if it is missing, that is an error of the check."""
    from hoi_motion.body import load_body

    try:
        return load_body(num_betas=len(motion.betas))
    except LiftError as error:
        raise CheckError(ErrorCode.CHECK_NOT_RUN, error.message, error.hint) from error
