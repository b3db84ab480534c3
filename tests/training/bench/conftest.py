"""A person who reaches, seen by a known camera: the lift's own example."""

from tests.hoi_motion.conftest import acted, body  # noqa: F401
from tests.hoi_motion.lift.test_contact import reaching  # noqa: F401
