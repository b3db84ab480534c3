"""Motion files of other programs. Frames, axes and quaternion orders are converted here and nowhere else."""

from typing import TYPE_CHECKING

from hoi_motion.io.amass import read_amass, write_amass
from hoi_motion.io.formats import READABLE, WRITABLE, read_motion, write_motion
from hoi_motion.lazy import lazy_names

if TYPE_CHECKING:
    from hoi_motion.io.glb import write_glb

__all__ = ["READABLE", "WRITABLE", "read_amass", "read_motion", "write_amass", "write_glb", "write_motion"]

__getattr__, __dir__ = lazy_names(__name__, {"write_glb": "hoi_motion.io.glb"})  # pulls in torch with the body
