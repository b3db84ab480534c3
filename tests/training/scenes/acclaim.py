"""A small Acclaim skeleton with the bones of the CMU database, its legs spread and its arms stretched out."""

import numpy as np

CHILDREN = {
    "root": "lhipjoint rhipjoint lowerback",
    "lhipjoint": "lfemur",
    "lfemur": "ltibia",
    "ltibia": "lfoot",
    "lfoot": "ltoes",
    "rhipjoint": "rfemur",
    "rfemur": "rtibia",
    "rtibia": "rfoot",
    "rfoot": "rtoes",
    "lowerback": "upperback",
    "upperback": "thorax",
    "thorax": "lowerneck lclavicle rclavicle",
    "lowerneck": "head",
    "lclavicle": "lhumerus",
    "lhumerus": "lradius",
    "lradius": "lhand",
    "rclavicle": "rhumerus",
    "rhumerus": "rradius",
    "rradius": "rhand",
}
_LEFT = {
    "hipjoint": ((0.6, -0.8, 0), 2.5, "0 0 0", ""),
    "femur": ((0.34, -0.94, 0), 8.0, "0 0 20", "rx ry rz"),
    "tibia": ((0.34, -0.94, 0), 8.0, "0 0 20", "rx"),
    "foot": ((0.1, -0.25, 0.96), 2.0, "-90 0 20", "rx rz"),
    "toes": ((0, 0, 1), 1.0, "-90 0 20", ""),
    "clavicle": ((0.97, 0.24, 0), 3.5, "0 0 0", ""),
    "humerus": ((1, 0, 0), 5.5, "180 30 90", "rx ry rz"),
    "radius": ((1, 0, 0), 5.0, "180 30 90", "rx"),
    "hand": ((1, 0, 0), 1.0, "0 90 90", ""),
}
_MIDDLE = {name: ((0, 1, 0), 2.0, "0 0 0", "rx ry rz") for name in ("lowerback", "upperback", "thorax", "lowerneck")}
_MIDDLE["head"] = ((0, 1, 0), 1.5, "0 0 0", "")


def _bones() -> dict:
    bones = {f"l{name}": bone for name, bone in _LEFT.items()} | _MIDDLE
    for name, ((x, y, z), length, axis, angles) in _LEFT.items():
        turned = axis.split()
        bones[f"r{name}"] = ((-x, y, z), length, f"{turned[0]} {-float(turned[1])} {-float(turned[2])}", angles)
    return bones


BONES = _bones()
DEGREES = {"root": 6} | {name: len(bone[3].split()) for name, bone in BONES.items() if bone[3]}


def write_person(folder, name: str, degrees: dict[str, np.ndarray], count: int):
    """NAME.asf and NAME_01.amc, whose bones have these angles (count, width); what is not given rests."""
    lines = [
        ":version 1.10",
        ":units",
        "  length 0.45",
        "  angle deg",
        ":root",
        "  order TX TY TZ RX RY RZ",
        ":bonedata",
    ]
    for bone, (direction, length, axis, angles) in BONES.items():
        lines += ["  begin", f"  name {bone}", f"  direction {' '.join(map(str, direction))}", f"  length {length}"]
        lines += [f"  axis {axis} XYZ"] + ([f"  dof {angles}"] if angles else []) + ["  end"]
    lines += [":hierarchy", "  begin", *(f"    {parent} {own}" for parent, own in CHILDREN.items()), "  end"]
    (folder / f"{name}.asf").write_text("\n".join(lines))
    rows = ["#! made", ":FULLY-SPECIFIED", ":DEGREES"]
    for t in range(count):
        rows.append(str(t + 1))
        for bone, width in DEGREES.items():
            values = degrees.get(bone, np.zeros((count, width)))[t]
            rows.append(f"{bone} {' '.join(f'{v:.6f}' for v in values)}")
    path = folder / f"{name}_01.amc"
    path.write_text("\n".join(rows))
    return path
