"""Motion files of other programs. Frames, axes and quaternion orders are converted here and nowhere else."""

from hoi_motion.io.amass import read_amass, write_amass
from hoi_motion.io.formats import READABLE, WRITABLE, read_motion, write_motion

__all__ = ["READABLE", "WRITABLE", "read_amass", "read_motion", "write_amass", "write_glb", "write_motion"]


def __getattr__(name: str):
    if name == "write_glb":  # pulls in torch with the body
        from hoi_motion.io.glb import write_glb

        return write_glb
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
