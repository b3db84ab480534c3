"""How the actor looks: body shape, skin, hair and simple clothes on the free body."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import sparse

from hoi_motion.body import VERTEX_LABELS, BodyModel
from hoi_motion.body.skinning import ShapedBody
from training.scenes.rasteriser import Mesh, vertex_normals

ACTOR_INSTANCE = 1
COMPANION_INSTANCE = 9  # behind all objects
SKIN_TONES = np.array(
    [
        [0.96, 0.80, 0.70],
        [0.90, 0.70, 0.57],
        [0.80, 0.59, 0.45],
        [0.66, 0.45, 0.32],
        [0.48, 0.31, 0.22],
        [0.36, 0.23, 0.16],
    ]
)
HAIR_TONES = np.array([[0.07, 0.05, 0.04], [0.22, 0.13, 0.07], [0.42, 0.26, 0.12], [0.70, 0.55, 0.30], [0.5, 0.5, 0.5]])
SHIRT_COLOURS: dict[str, tuple[float, float, float]] = {
    "red": (0.72, 0.12, 0.13),
    "blue": (0.15, 0.30, 0.68),
    "green": (0.16, 0.48, 0.25),
    "yellow": (0.90, 0.76, 0.25),
    "white": (0.92, 0.92, 0.90),
    "black": (0.12, 0.12, 0.13),
    "grey": (0.52, 0.53, 0.55),
    "purple": (0.42, 0.22, 0.56),
    "orange": (0.88, 0.45, 0.14),
    "teal": (0.12, 0.50, 0.52),
}
TROUSER_COLOURS = np.array([[0.13, 0.16, 0.27], [0.20, 0.20, 0.21], [0.36, 0.30, 0.22], [0.25, 0.33, 0.47]])
# How far each region stands off the bare body, metres.
THICKNESS_M = {"hair": 0.014, "shirt": 0.008, "sleeve": 0.006, "trousers": 0.009, "shoe": 0.010}


@dataclass(frozen=True)
class Figure:
    """One actor.

    Attributes:
        body: body with fixed betas; betas: (10,).
        noun: "man" or "woman"; shirt: colour word.
        albedo: (V, 3) colour of every vertex; thickness_m: (V,) clothes and hair over the bare surface.
    """

    body: ShapedBody
    betas: np.ndarray
    noun: str
    shirt: str
    albedo: np.ndarray
    thickness_m: np.ndarray
    faces: np.ndarray

    @property
    def height_m(self) -> float:
        return float(np.ptp(self.body.rest_vertices_m[:, 1]))

    @property
    def words(self) -> str:
        """Who this is, as captions say it, without an article."""
        return f"{self.noun} in {'an' if self.shirt[0] in 'aeiou' else 'a'} {self.shirt} shirt"

    def mesh(self, vertices_m: np.ndarray, instance: int = ACTOR_INSTANCE) -> Mesh:  # (V, 3) bare, in the world
        """The dressed figure, ready to draw."""
        normals = vertex_normals(vertices_m, self.faces)
        return Mesh(vertices_m + self.thickness_m[:, None] * normals, self.faces, normals, self.albedo, instance)


def sample_figure(
    model: BodyModel, rng: np.random.Generator, noun: str | None = None, shirt: str | None = None
) -> Figure:
    """A random adult: shape, skin, hair, clothes; `noun` and `shirt` of a Figure, where they are given."""
    female = bool(rng.random() < 0.5) if noun is None else noun == "woman"
    low_high = dict(zip(map(str, model.free.arrays["phenotype_names"]), model.free.arrays["phenotype_range"]))
    phenotypes = {name: rng.uniform(*low_high[name]) for name in low_high}
    phenotypes["gender"] = rng.uniform(0.88, 1.0) if female else rng.uniform(0.0, 0.12)
    betas = model.free.betas_from(**phenotypes).astype(np.float64)
    shirt = str(rng.choice(list(SHIRT_COLOURS))) if shirt is None else shirt
    mix, tone = rng.random(), rng.integers(len(SKIN_TONES) - 1)
    skin = (1 - mix) * SKIN_TONES[tone] + mix * SKIN_TONES[tone + 1]
    hair = HAIR_TONES[rng.integers(len(HAIR_TONES))] * rng.uniform(0.85, 1.15)
    shirt_albedo = np.array(SHIRT_COLOURS[shirt]) * rng.uniform(0.9, 1.08)
    colours = {
        "skin": skin,
        "hair": hair,
        "brow": 0.6 * hair + 0.12 * skin,
        "sclera": np.array([0.93, 0.93, 0.92]),
        "iris": np.array([0.10, 0.08, 0.07]),
        "lips": skin * [0.86, 0.60, 0.60],
        "mouth": skin * 0.4,
        "nail": 0.7 * skin + 0.25,
        "shirt": shirt_albedo,
        "trousers": TROUSER_COLOURS[rng.integers(len(TROUSER_COLOURS))] * rng.uniform(0.85, 1.15),
        "shoe": rng.choice([[0.10, 0.10, 0.10], [0.85, 0.85, 0.84], [0.35, 0.22, 0.14]]),
        "sleeve": shirt_albedo if rng.random() < 0.5 else skin,
    }
    labels = model.vertex_labels
    albedo = np.array([colours[name] for name in VERTEX_LABELS], np.float32)[labels]
    thickness = dict(THICKNESS_M)
    if colours["sleeve"] is skin:
        thickness["sleeve"] = 0.0
    by_label = np.array([thickness.get(name, 0.0) for name in VERTEX_LABELS], np.float32)
    return Figure(
        ShapedBody(model, betas),
        betas,
        "woman" if female else "man",
        shirt,
        np.clip(albedo, 0, 1),
        _smoothed(by_label[labels], model),
        model.faces.astype(np.int32),
    )


@lru_cache(maxsize=2)
def _neighbours(model: BodyModel) -> sparse.csr_matrix:  # (V, V) rows sum to 1, each vertex its own neighbour
    count = len(model.v_template_m)
    rows = np.concatenate([model.faces[:, a] for a in (0, 1, 2, 1, 2, 0)] + [np.arange(count)])
    columns = np.concatenate([model.faces[:, a] for a in (1, 2, 0, 0, 1, 2)] + [np.arange(count)])
    matrix = sparse.csr_matrix((np.ones(len(rows), np.float32), (rows, columns)), shape=(count, count))
    matrix.data[:] = 1
    return sparse.csr_matrix(sparse.diags(1 / np.asarray(matrix.sum(1)).ravel()) @ matrix)


def _smoothed(values: np.ndarray, model: BodyModel, rounds: int = 2) -> np.ndarray:
    """Mean over neighbours, so that hems slope instead of tearing."""
    for _ in range(rounds):
        values = _neighbours(model) @ values
    return values.astype(np.float32)
