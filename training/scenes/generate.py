"""Many scenes to a folder: streamed, restartable, in parallel, the same files for any number of workers."""

import json
import logging
from dataclasses import asdict, dataclass
from pathlib import Path

from tqdm import tqdm

from hoi_motion.files import write_whole
from hoi_motion.processes import as_they_come
from training.claims import claim
from training.scenes.doings import TWO_VERBS, WHICH_ACTOR

log = logging.getLogger(__name__)
SETTINGS_FILE = "dataset.json"
INDEX_FILE = "index.jsonl"
MIXED = "mixed"
TARGETS = "targets"
PAIRS = "pairs"
PAIRS_OF = {f"{kind}-pairs": kind for kind in (WHICH_ACTOR, TWO_VERBS)}  # pairs of one kind only


@dataclass(frozen=True)
class Settings:
    """What a dataset is made of; two datasets with equal settings have equal files.

    Attributes:
        height, width: pixels; num_frames, fps: length and speed; num_candidates: identical objects, None varies;
        with_depth: also store depth in millimetres; supersampling: samples a pixel along each axis.
        company: scenes with two people, one of doings.KINDS, MIXED, PAIRS or of PAIRS_OF (training.scenes.pairs);
            None: with one; TARGETS: with one, in pairs (training.scenes.pairs_of_targets).
    """

    height: int
    width: int
    num_frames: int
    fps: float = 8.0
    num_candidates: int | None = None
    with_depth: bool = False
    supersampling: int = 2
    company: str | None = None


def clip_path(folder: Path, seed: int) -> Path:
    return Path(folder) / f"clip_{seed:09d}.npz"


def generate(folder: Path, settings: Settings, first_seed: int, count: int, workers: int = 1) -> list[dict]:
    """Fill `folder` with the scenes of seeds first_seed .. first_seed + count - 1; whole files are kept.

    Returns:
        The index, one entry per clip, also written to index.jsonl.

    Raises:
        InputError: CONFIG_INVALID when the folder holds clips made with other settings.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    _claim(folder, settings)
    for leftover in folder.glob(".*.partial*"):
        leftover.unlink()
    entries = _read_index(folder)
    seeds = range(first_seed, first_seed + count)
    waiting = [s for s in seeds if s not in entries or not _whole(clip_path(folder, s))]
    if len(waiting) < count:
        log.info("%d of %d clips are there already", count - len(waiting), count)
    with open(folder / INDEX_FILE, "a") as index, tqdm(total=len(waiting), unit="clip", desc="scenes") as bar:
        for entry in _results(folder, settings, waiting, workers):
            entries[entry["seed"]] = entry
            index.write(json.dumps(entry) + "\n")
            index.flush()
            bar.update()
    ordered = [entries[s] for s in sorted(entries)]
    write_whole(folder / INDEX_FILE, "".join(json.dumps(e) + "\n" for e in ordered).encode())
    return [entries[s] for s in seeds]


def _claim(folder: Path, settings: Settings) -> None:
    claim(folder / SETTINGS_FILE, asdict(settings), "clips")


def _whole(path: Path) -> bool:
    from training.scenes.clip_file import is_whole

    return is_whole(path)


def _read_index(folder: Path) -> dict[int, dict]:
    """Entries by seed; a line cut off by a kill is ignored, its clip is made again."""
    entries = {}
    path = folder / INDEX_FILE
    for line in path.read_text().splitlines() if path.exists() else ():
        try:
            entry = json.loads(line)
        except json.JSONDecodeError:
            log.warning("ignoring a damaged line in %s", path)
            continue
        entries[entry["seed"]] = entry
    return entries


def _results(folder: Path, settings: Settings, seeds: list[int], workers: int):
    jobs = {seed: (folder, settings, seed) for seed in seeds}
    yield from (entry for _, entry in as_they_come(make_clip, jobs, workers))


def make_clip(folder: Path, settings: Settings, seed: int) -> dict:
    """Generate and save one clip; its index entry."""
    from training.scenes.clip_file import save_clip
    from training.scenes.company import generate_company_scene
    from training.scenes.pairs import generate_paired_scene
    from training.scenes.pairs_of_targets import generate_pair_of_targets
    from training.scenes.scene import generate_scene

    options = asdict(settings)
    company = options.pop("company")
    if company is None:
        sample = generate_scene(seed=seed, **options)
    elif company == TARGETS:
        sample = generate_pair_of_targets(seed=seed, **options)
    elif company == PAIRS or company in PAIRS_OF:
        sample = generate_paired_scene(seed=seed, kind=PAIRS_OF.get(company), **options)
    else:
        sample = generate_company_scene(seed=seed, kind=None if company == MIXED else company, **options)
    path = clip_path(folder, seed)
    save_clip(path, sample)
    return {
        "seed": seed,
        "file": path.name,
        "caption": sample.caption,
        "triplet": list(sample.triplet),
        "candidates": len(sample.candidate_ids),
        "objects": len(sample.motion.objects),
    }
