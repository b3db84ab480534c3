"""Families of shapes: which of them an object's name allows, and which parameters of each the outline determines."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

CURVE = np.array([0.0, 0.15, 0.4, 0.7, 1.0])
BOWL_FOOT = 0.5  # radius of a bowl's foot, of its rim's
LEAST_RADIUS = 0.12  # of what is turned, of its largest radius
NECK_FROM = 0.5  # of the way from where a bottle's shoulder begins to its mouth
MUG_FOOT = 0.97


@dataclass(frozen=True)
class Family:
    """Shapes that differ by few numbers.

    Attributes:
        shape: word of `hoi_motion.motion.OBJECT_SHAPES`.
        axes: which of width, depth and height grow together.
        starts: values of the shares that the outline has to tell, where the search begins; bounds: of these.
        profile: shares -> (K, 2) radius and height, of the largest radius and of the height, bottom up; None for what
            is not round.
        is_open: hollow, with walls and no lid; has_handle: something sticks out at one side.
        bonus: overlap by which it is preferred: what is simple needs less evidence.
        aspect: least and largest height over width; what looks otherwise is partly hidden.
        least_overlap: what fits worse is none.
        slim: as far as the outline leaves its depth open, that is not its width but the less of width and height.
    """

    shape: str
    axes: tuple[tuple[int, ...], ...]
    starts: tuple[float, ...] = ()
    bounds: tuple[tuple[float, float], ...] = ()
    profile: Callable[..., np.ndarray] | None = None
    is_open: bool = False
    has_handle: bool = False
    bonus: float = 0.0
    aspect: tuple[float, float] = (0.1, 10.0)
    least_overlap: float = 0.0
    slim: bool = False


def _straight(foot: float = 1.0) -> np.ndarray:
    return np.array([[foot, 0.0], [1.0, 1.0]])


def _mug() -> np.ndarray:
    return _straight(MUG_FOOT)


def _bowl() -> np.ndarray:
    return np.column_stack([BOWL_FOOT + (1 - BOWL_FOOT) * np.sqrt(1 - (1 - CURVE) ** 2), CURVE])


def _bottle(shoulder: float, neck: float) -> np.ndarray:
    return np.array([[1.0, 0.0], [1.0, shoulder], [neck, shoulder + NECK_FROM * (1 - shoulder)], [neck, 1.0]])


def _any_round(*radii: float) -> np.ndarray:
    return np.column_stack([np.array(radii) / max(radii), np.linspace(0, 1, len(radii))])


_ROUND = ((0, 1), (2,))
# the outline's rows tell the radii
_RADII = dict(axes=_ROUND, starts=(1.0,) * 6, bounds=((LEAST_RADIUS, 1.0),) * 6, profile=_any_round)
BALL = Family("sphere", ((0, 1, 2),), bonus=0.02, aspect=(0.85, 1.18))
# from wherever a ball is seen it is round
ANY_BALL = replace(BALL, least_overlap=0.85)
CYLINDER = Family("cylinder", _ROUND, bonus=0.015)
BOX = Family("box", ((0,), (1,), (2,)))
CUP = Family("revolved", _ROUND, (0.8,), ((0.5, 1.0),), _straight, is_open=True, aspect=(0.8, 4.0))
MUG = Family("revolved", _ROUND, profile=_mug, is_open=True, has_handle=True, aspect=(0.6, 1.6))
BOWL = Family("revolved", _ROUND, profile=_bowl, is_open=True, aspect=(0.25, 0.9))
BOTTLE = Family("revolved", _ROUND, (0.65, 0.4), ((0.4, 0.85), (0.2, 0.8)), _bottle, aspect=(1.5, 6.0))
TURNED = Family("revolved", **_RADII)
VASE = Family("revolved", **_RADII, is_open=True)

DISC = Family("cylinder", _ROUND, aspect=(0.02, 0.4))

# an object of any other name is one of these, whichever covers the outline best; of what is wider than high, like
# benches, guitars or shoes, most is about as deep as high
UNNAMED = tuple(replace(family, slim=True) for family in (ANY_BALL, CYLINDER, BOX))
NOUNS = {
    **dict.fromkeys(("ball", "orange", "apple", "globe", "melon"), BALL),
    **dict.fromkeys(("can", "tin", "jar", "canister", "candle", "roll", "drum"), CYLINDER),
    **dict.fromkeys(("box", "carton", "book", "package", "parcel", "block", "cube", "brick"), BOX),
    **dict.fromkeys(("cup", "glass", "tumbler", "beaker", "bucket", "pot"), CUP),
    **dict.fromkeys(("mug", "teacup"), MUG),
    **dict.fromkeys(("bowl", "basin"), BOWL),
    **dict.fromkeys(("bottle", "flask"), BOTTLE),
    **dict.fromkeys(("goblet", "wineglass", "spool", "bobbin"), TURNED),
    **dict.fromkeys(("vase", "jug", "pitcher", "carafe"), VASE),
    **dict.fromkeys(("plate", "dish", "saucer", "pan", "lid", "frisbee", "disc", "disk", "pizza"), DISC),
}


def families_of(noun: str) -> tuple[Family, ...]:
    """Families an object of this name may have: the last known word counts; all plain shapes for an unknown name."""
    for word in reversed(re.findall(r"[a-z]+", noun.lower())):
        if word in NOUNS:
            return (NOUNS[word],)
    return UNNAMED
