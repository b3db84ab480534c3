"""Human-object motion to robot joint motion.

The package can be called: `from hoi_motion import retarget` gives it, and `retarget(motion, "panda")` is the function
`hoi_motion.retarget.retarget.retarget`. A package and a function cannot share a name otherwise.
"""

import sys
import types


class _Room(types.ModuleType):
    def __call__(self, *arguments, **options):
        from hoi_motion.retarget.retarget import retarget

        return retarget(*arguments, **options)


sys.modules[__name__].__class__ = _Room
