"""A SceneSample on disk: one npz without pickles, whole or absent, the same bytes for the same scene."""

import io
import json
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from hoi_motion.files import whole_file
from hoi_motion.motion import HoiMotion
from training.scenes.doings import Company, Doing
from training.scenes.scene import SceneSample

CLIP_VERSION = 1
COMPANY_VERSION = 2  # of clips with two people; those with one are what they were


def save_clip(path: Path, sample: SceneSample) -> None:
    """Write `sample` to an npz, complete or not at all."""
    meta = {
        "version": CLIP_VERSION,
        "seed": sample.seed,
        "fps": sample.fps,
        "caption": sample.caption,
        "triplet": sample.triplet,
        "target_id": sample.target_id,
        "candidate_ids": sample.candidate_ids,
        "id_names": {str(k): v for k, v in sample.id_names.items()},
    }
    if sample.pair is not None:
        meta["pair"] = sample.pair
    arrays = {
        "meta": np.array(json.dumps(meta)),
        "frames": sample.frames,
        "instance_ids": sample.instance_ids,
        "target_mask": sample.target_mask,
        "contact_labels": sample.contact_labels,
        "motion": np.frombuffer(_motion_bytes(sample.motion), np.uint8),
    }
    if sample.company is not None:
        meta["version"] = COMPANY_VERSION
        meta["company"], extra = _packed(sample.company)
        arrays |= {"meta": np.array(json.dumps(meta)), **extra}
    if sample.depth_m is not None:
        arrays["depth_mm"] = np.rint(np.minimum(sample.depth_m * 1000, 65535)).astype(np.uint16)
    with whole_file(path) as partial:
        np.savez_compressed(partial, **arrays)


def _packed(company: Company) -> tuple[dict, dict[str, np.ndarray]]:
    """The facts about the second person, and their arrays."""
    doings = [
        {"subject_id": d.subject_id, "verb": d.verb, "object_id": d.object_id, "recipient_id": d.recipient_id}
        for d in company.doings
    ]
    told = {"kind": company.kind, "companion_id": company.companion_id, "doings": doings}
    return told, {
        "companion_motion": np.frombuffer(_motion_bytes(company.motion), np.uint8),
        "companion_touching": company.companion_touching,
        "doings_touching": np.stack([d.touching for d in company.doings]),
    }


def _unpacked(meta: dict, data: dict[str, np.ndarray]) -> Company:
    return Company(
        meta["kind"],
        meta["companion_id"],
        HoiMotion.load(io.BytesIO(data["companion_motion"].tobytes())),
        data["companion_touching"],
        tuple(Doing(**d, touching=touching) for d, touching in zip(meta["doings"], data["doings_touching"])),
    )


def _motion_bytes(motion: HoiMotion) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "motion.npz"
        motion.save(path)
        return path.read_bytes()


def load_clip(path: Path) -> SceneSample:
    """Read what `save_clip` wrote.

    Raises:
        ValueError: when the file is damaged or of another version.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            data = dict(file)
        meta = json.loads(str(data["meta"]))
        if meta["version"] not in (CLIP_VERSION, COMPANY_VERSION):
            raise ValueError(f"clip version {meta['version']}, this code reads {CLIP_VERSION} and {COMPANY_VERSION}")
        depth = data["depth_mm"].astype(np.float32) / 1000 if "depth_mm" in data else None
        return SceneSample(
            frames=data["frames"],
            fps=meta["fps"],
            target_mask=data["target_mask"],
            instance_ids=data["instance_ids"],
            id_names={int(k): v for k, v in meta["id_names"].items()},
            target_id=meta["target_id"],
            candidate_ids=tuple(meta["candidate_ids"]),
            depth_m=depth,
            motion=HoiMotion.load(io.BytesIO(data["motion"].tobytes())),
            contact_labels=data["contact_labels"],
            caption=meta["caption"],
            triplet=tuple(meta["triplet"]),
            seed=meta["seed"],
            company=_unpacked(meta["company"], data) if "company" in meta else None,
            # clips with two people once said it beside what is known of the second
            pair=meta.get("pair", meta.get("company", {}).get("pair")),
        )
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is not a readable clip: {error}") from error


def is_whole(path: Path) -> bool:
    """Whether the file is there and every member passes its checksum."""
    try:
        with zipfile.ZipFile(path) as file:
            return "motion.npy" in file.namelist() and file.testzip() is None
    except (OSError, zipfile.BadZipFile, EOFError):
        return False


def iterate_clips(folder: Path) -> Iterator[SceneSample]:
    """Clips of a folder in the order of their seeds, read one at a time."""
    for path in sorted(Path(folder).glob("clip_*.npz")):
        yield load_clip(path)
