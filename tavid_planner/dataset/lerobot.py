"""Episodes as a LeRobot dataset, layout version 3.0.

meta/info.json, stats.json, tasks.parquet, episodes/chunk-000/file-000.parquet
data/chunk-000/file-000.parquet                                     one row per step
videos/observation.images.clip/chunk-000/file-000.mp4               one per episode
"""

import json
import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from hoi_motion.lazy import optional
from hoi_motion.media.video_file import write_video
from tavid_planner.dataset import statistics
from tavid_planner.dataset.episode import POSE_NAMES, Episode
from tavid_planner.errors import ErrorCode, InputError
from tavid_planner.partial import partial_folder, sweep_partials

VERSION = "v3.0"
CLIP = "observation.images.clip"
STATE = "observation.state"
OBJECT = "observation.environment_state"
ACTION = "action"
INDICES = ("frame_index", "episode_index", "index", "task_index")
CHUNK = 1000  # files per folder
STEPS_A_FILE = 50_000
CRF = 18


def write_lerobot(episodes: Iterable[Episode], folder) -> int:
    """Write a dataset completely or not at all; returns the number of episodes.

    Args:
        folder: must not exist.

    Raises:
        InputError: OUTPUT_INVALID when the folder exists or cannot be written;
            FILE_INVALID for episodes of different robots, rates or picture sizes.
        TavidError: MODEL_MISSING when pyarrow is not installed.
    """
    folder = Path(folder).absolute()
    if os.path.lexists(folder):
        raise InputError(ErrorCode.OUTPUT_INVALID, f"{folder} exists", "choose a folder that does not exist yet")
    _arrow()
    sweep_partials(folder.parent)
    try:
        with partial_folder(folder) as partial:
            writer = _Writer(partial)
            for episode in episodes:
                writer.add(episode)
            writer.finish()
            os.rename(partial, folder)
    except OSError as error:
        raise InputError(ErrorCode.OUTPUT_INVALID, f"cannot write {folder}: {error.strerror or error}") from error
    return len(writer.rows)


class _Writer:
    """Collects episodes; writes their steps whenever a file is full."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.rows: list[dict] = []
        self._first: Episode | None = None
        self._tasks: dict[str, int] = {}
        self._steps: list[dict[str, np.ndarray]] = []
        self._values: dict[str, list[np.ndarray]] = {}
        self._histogram = np.zeros((3, statistics.LEVELS), int)
        self._count, self._data_file = 0, 0

    def add(self, episode: Episode) -> None:
        """Write an episode's clip, and keep its steps for the next file.

        Raises:
            InputError: FILE_INVALID for an episode unlike the first.
        """
        self._first = self._first or episode
        _check_alike(self._first, episode)
        count = len(episode.state)
        place = _place(*divmod(len(self.rows), CHUNK), "mp4")
        write_video(_made(self.folder / f"videos/{CLIP}" / place), episode.frames, episode.fps, CRF)
        steps = self._columns(episode)
        if sum(len(s[STATE]) for s in self._steps) + count > STEPS_A_FILE and self._steps:
            self._flush()
        self._steps.append(steps)
        pictures = statistics.histogram(episode.frames)
        self._histogram += pictures
        found = {name: statistics.of_values(values.reshape(count, -1)) for name, values in steps.items()}
        found[CLIP] = statistics.of_histogram(pictures, count)
        for name, values in steps.items():
            self._values.setdefault(name, []).append(values.reshape(count, -1))
        self.rows.append(self._row(episode, found))
        self._count += count

    def _columns(self, episode: Episode) -> dict[str, np.ndarray]:
        """The steps of the next episode, one row a step."""
        count = len(episode.state)
        task = self._tasks.setdefault(episode.task, len(self._tasks))
        columns = {STATE: episode.state, OBJECT: episode.object_pose, ACTION: episode.action}
        frame = np.arange(count)
        columns["timestamp"] = (frame / episode.fps).astype(np.float32)
        indices = (frame, np.full(count, len(self.rows)), self._count + frame, np.full(count, task))
        return columns | dict(zip(INDICES, indices))

    def _row(self, episode: Episode, found: dict[str, dict[str, np.ndarray]]) -> dict:
        """What the table of episodes says of the next one; found: its statistics, by column."""
        number, count = len(self.rows), len(episode.state)
        chunk, file = divmod(number, CHUNK)
        return {
            "episode_index": number,
            "tasks": [episode.task],
            "length": count,
            "plan": episode.name,
            "seed": str(episode.seed),  # up to 2**63
            "data/chunk_index": self._data_file // CHUNK,
            "data/file_index": self._data_file % CHUNK,
            "dataset_from_index": self._count,
            "dataset_to_index": self._count + count,
            f"videos/{CLIP}/chunk_index": chunk,
            f"videos/{CLIP}/file_index": file,
            f"videos/{CLIP}/from_timestamp": 0.0,
            f"videos/{CLIP}/to_timestamp": count / episode.fps,
            "meta/episodes/chunk_index": 0,
            "meta/episodes/file_index": 0,
        } | {f"stats/{name}/{key}": value.tolist() for name, stats in found.items() for key, value in stats.items()}

    def finish(self) -> None:
        if self._first is None:
            raise InputError(ErrorCode.FILE_INVALID, "there is no episode to write")
        pa, pq = _arrow()
        self._flush()
        found = {name: statistics.of_values(np.concatenate(values)) for name, values in self._values.items()}
        found[CLIP] = statistics.of_histogram(self._histogram, self._count)
        plain = {name: {key: value.tolist() for key, value in stats.items()} for name, stats in found.items()}
        _write_json(_made(self.folder / "meta/stats.json"), plain)
        _write_json(self.folder / "meta/info.json", self._info())
        pq.write_table(pa.Table.from_pylist(self.rows), _made(self.folder / "meta/episodes" / _place(0, 0, "parquet")))
        pq.write_table(_task_table(self._tasks), self.folder / "meta/tasks.parquet")

    def _flush(self) -> None:
        pa, pq = _arrow()
        columns = {name: np.concatenate([steps[name] for steps in self._steps]) for name in self._steps[0]}
        table = pa.table({name: _column(pa, values) for name, values in columns.items()})
        place = _place(*divmod(self._data_file, CHUNK), "parquet")
        pq.write_table(table, _made(self.folder / "data" / place))
        self._steps, self._data_file = [], self._data_file + 1

    def _info(self) -> dict:
        first = self._first
        height, width = first.frames.shape[1:3]
        height, width = height + height % 2, width + width % 2  # as H.264 wants it
        picture = {
            "dtype": "video",
            "shape": [height, width, 3],
            "names": ["height", "width", "channels"],
            "info": {
                "video.height": height,
                "video.width": width,
                "video.codec": "h264",
                "video.pix_fmt": "yuv420p",
                "video.is_depth_map": False,
                "video.fps": first.fps,
                "video.channels": 3,
                "has_audio": False,
            },
        }
        vectors = {STATE: first.state_names, OBJECT: POSE_NAMES, ACTION: first.state_names}
        features = {CLIP: picture}
        features |= {n: {"dtype": "float32", "shape": [len(v)], "names": list(v)} for n, v in vectors.items()}
        features["timestamp"] = {"dtype": "float32", "shape": [1], "names": None}
        features |= {name: {"dtype": "int64", "shape": [1], "names": None} for name in INDICES}
        return {
            "codebase_version": VERSION,
            "robot_type": first.doer,
            "total_episodes": len(self.rows),
            "total_frames": self._count,
            "total_tasks": len(self._tasks),
            "chunks_size": CHUNK,
            "data_files_size_in_mb": 100,
            "video_files_size_in_mb": 200,
            "fps": first.fps,
            "splits": {"train": f"0:{len(self.rows)}"},
            "data_path": "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet",
            "video_path": "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4",
            "features": features,
        }


def _check_alike(first: Episode, episode: Episode) -> None:
    for what, one, other in (
        ("robot", first.doer, episode.doer),
        ("rate", first.fps, episode.fps),
        ("joints", first.state_names, episode.state_names),
        ("picture size", first.frames.shape[1:3], episode.frames.shape[1:3]),
    ):
        if one != other:
            raise InputError(
                ErrorCode.FILE_INVALID,
                f"plan {episode.name} has another {what} than {first.name}: {other} instead of {one}",
                "all episodes of a dataset must agree: export them separately",
            )


def _column(pa, values: np.ndarray):
    if values.ndim == 1:
        return pa.array(values)
    return pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), values.shape[1])


def _task_table(tasks: dict[str, int]):
    """Task -> index, with the sentence as the index of a pandas frame, as readers of the layout expect."""
    pa, _ = _arrow()
    index = "__index_level_0__"
    described = [
        {"name": "task_index", "field_name": "task_index", "pandas_type": "int64", "numpy_type": "int64"},
        {"name": None, "field_name": index, "pandas_type": "unicode", "numpy_type": "object"},
    ]
    pandas = {
        "index_columns": [index],
        "column_indexes": [],
        "columns": [column | {"metadata": None} for column in described],
        "creator": {"library": "pyarrow", "version": pa.__version__},
        "pandas_version": "2.0.0",
    }
    table = pa.table({"task_index": pa.array(list(tasks.values())), index: pa.array(list(tasks))})
    return table.replace_schema_metadata({"pandas": json.dumps(pandas)})


def _place(chunk: int, file: int, ending: str) -> str:
    return f"chunk-{chunk:03d}/file-{file:03d}.{ending}"


def _made(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _write_json(path: Path, data: dict) -> None:
    path.write_text(json.dumps(data, indent=1) + "\n")


def _arrow():
    return optional("pyarrow"), optional("pyarrow.parquet")
