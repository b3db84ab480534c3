"""Which scenes TargetBench has: 14 classes of 20, each scene a pure function of its seed."""

from dataclasses import dataclass

from tavid_planner.errors import ErrorCode, InputError
from training.scenes.company import generate_company_scene
from training.scenes.conditions import CameraRange, Conditions
from training.scenes.doings import HAND_OVER, TWO_VERBS, WHICH_ACTOR
from training.scenes.objects import HELD_OUT_NAMES
from training.scenes.scene import SceneSample, generate_scene

# raised whenever a scene changes, a class comes in or contestants are told something else: scores of two versions are
# not comparable. Version 2 adds the classes with two people behind those of version 1, whose seeds and scenes stay what
# they were; in version 3 the object of the second person is marked, too; in version 4 the two are told apart by masks.
BENCH_VERSION = 4
FIRST_SEED = 2_000_000
SEEDS_PER_CLASS = 1_000
SCENES_PER_CLASS = 20
_ABOVE = CameraRange(elevation_rad=(0.55, 0.80))
_ASIDE = [
    CameraRange(
        azimuth_mean_rad=side * 1.15, azimuth_std_rad=0.05, azimuth_limits_rad=tuple(sorted((side, side * 1.3)))
    )
    for side in (-1.0, 1.0)
]


@dataclass(frozen=True)
class Difficulty:
    """One class of scenes.

    Attributes:
        name: of the class; shows: what is difficult, in words.
        candidates: numbers of identical objects, and variants: conditions; the scenes go round through both.
        company: of scenes with two people, what they do (training.scenes.doings.KINDS); alike: whether the caption's
            words fit both of them, None for either.
    """

    name: str
    shows: str
    candidates: tuple[int, ...]
    variants: tuple[Conditions, ...] = (Conditions(),)
    company: str | None = None
    alike: bool | None = None


_USUAL = (2, 3, 4)
_HIGH = ("bottle", "can", "cup", "jar", "box")  # high enough for a hand beside them when they are made smaller
DIFFICULTIES = (
    *(
        Difficulty(f"candidates_{n}", f"{n} identical objects, else as in training", (n,), (Conditions(),))
        for n in (2, 3, 4, 5)
    ),
    Difficulty(
        "small",
        "objects of 0.65 times the training size",
        _USUAL,
        (Conditions(target_factors=(0.65,) * 3, names=_HIGH, grasp_height=0.9, on_table=True),),
    ),
    Difficulty(
        "thin",
        "objects of 0.4 times the training width",
        _USUAL,
        (Conditions(target_factors=(0.4, 0.4, 1.0), names=_HIGH, on_table=True),),
    ),
    Difficulty(
        "clutter",
        "3 objects of other kinds around 2 identical ones",
        (2,),
        (Conditions(others=3, on_table=True),),
    ),
    Difficulty(
        "occluded",
        "30 to 60 % of the target visible in the first frame",
        (2, 3),
        (Conditions(others=0, occluder=True, target_shown=(0.3, 0.6), on_table=True, camera_tries=16),),
    ),
    Difficulty(
        "far",
        "objects 0.15 m further from the actor than in training",
        _USUAL,
        (Conditions(further_m=0.15, on_table=True),),
    ),
    Difficulty(
        "unseen_object",
        f"a kind that training never shows: {', '.join(HELD_OUT_NAMES)}",
        _USUAL,
        (Conditions(names=HELD_OUT_NAMES, on_table=True),),
    ),
    Difficulty(
        "unseen_camera",
        "the camera above, or further to the side, than in training",
        _USUAL,
        tuple(Conditions(camera=camera, camera_tries=8) for camera in (_ABOVE, *_ASIDE)),
    ),
    Difficulty(
        WHICH_ACTOR,
        "two people whom the same words describe, both within reach of 2 identical objects: the marked one acts",
        (2,),
        company=WHICH_ACTOR,
        alike=True,
    ),
    Difficulty(
        HAND_OVER,
        "the marked person picks the object up and hands it to another one across the table",
        (1, 2),
        company=HAND_OVER,
    ),
    Difficulty(TWO_VERBS, "each of two people does something of their own", (1, 2), company=TWO_VERBS),
)
CLASS_NAMES = tuple(d.name for d in DIFFICULTIES)
COMPANY_CLASSES = tuple(d.name for d in DIFFICULTIES if d.company is not None)
ONE_PERSON_CLASSES = tuple(d.name for d in DIFFICULTIES if d.company is None)


@dataclass(frozen=True)
class Case:
    """One scene of the bench: `name` is its class, `index` its number within."""

    name: str
    index: int

    @property
    def seed(self) -> int:
        return FIRST_SEED + CLASS_NAMES.index(self.name) * SEEDS_PER_CLASS + self.index

    def scene(self, height: int, width: int, num_frames: int, fps: float, with_depth: bool = False) -> SceneSample:
        """The clip; what happens in it does not depend on the size."""
        kind = DIFFICULTIES[CLASS_NAMES.index(self.name)]
        candidates = kind.candidates[self.index % len(kind.candidates)]
        if kind.company is not None:
            options = {"kind": kind.company, "num_candidates": candidates, "alike": kind.alike}
            return generate_company_scene(self.seed, height, width, num_frames, fps, **options)
        conditions = kind.variants[self.index // len(kind.candidates) % len(kind.variants)]
        return generate_scene(
            self.seed, height, width, num_frames, fps, candidates, with_depth=with_depth, conditions=conditions
        )


def bench_cases(classes: list[str] | None = None, count: int | None = None) -> list[Case]:
    """Cases of some classes (all when None), the first of every class, then the second, ...; at most `count`.

    Raises:
        InputError: CONFIG_INVALID; an unknown class lists the valid names.
    """
    unknown = [c for c in classes or () if c not in CLASS_NAMES]
    if unknown:
        raise InputError(
            ErrorCode.CONFIG_INVALID, f"unknown class {unknown[0]!r}", f"valid names: {', '.join(CLASS_NAMES)}"
        )
    chosen = [name for name in CLASS_NAMES if not classes or name in classes]
    return [Case(name, index) for index in range(SCENES_PER_CLASS) for name in chosen][:count]
