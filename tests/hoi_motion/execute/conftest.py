"""The arm, the bar on a table and the plan of the retargeting tests."""

from tests.hoi_motion.retarget.conftest import body, motion, panda, result, unsure  # noqa: F401
