"""A LeRobot dataset against the published layout, and read back by LeRobot itself where it is installed."""

import json
from dataclasses import replace

import numpy as np
import pytest

pq = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed: pip install 'tavid_planner[dataset]'")

from hoi_motion.media.video_file import read_video  # noqa: E402
from tavid_planner.dataset.episode import read_episode  # noqa: E402
from tavid_planner.dataset.lerobot import CLIP, write_lerobot  # noqa: E402
from tavid_planner.errors import InputError  # noqa: E402


@pytest.fixture
def episodes(write_bundle, make_request):
    """Two plans, of which the second has another sentence and is two steps shorter."""
    first = read_episode(write_bundle("a"), fps=8)
    second = read_episode(write_bundle("b", request=make_request(instruction="lifts the [TGT] box")), fps=8)
    shorter = {name: getattr(second, name)[:-2] for name in ("frames", "state", "object_pose")}
    return [first, replace(second, **shorter)]


@pytest.fixture
def dataset(tmp_path, episodes):
    write_lerobot(episodes, tmp_path / "dataset")
    return tmp_path / "dataset"


def test_info_describes_the_columns_that_are_there(dataset):
    info = json.loads((dataset / "meta/info.json").read_text())
    table = pq.read_table(dataset / info["data_path"].format(chunk_index=0, file_index=0))
    assert info["codebase_version"] == "v3.0"
    assert (info["total_episodes"], info["total_frames"], info["total_tasks"]) == (2, 16, 2)
    assert set(table.column_names) == {n for n, f in info["features"].items() if f["dtype"] != "video"}
    for name, feature in info["features"].items():
        if feature["dtype"] != "video":
            row = np.ravel(table[name][0].as_py())
            assert len(row) == feature["shape"][0] == len(feature["names"] or [0]), name


def test_rows_are_the_steps_of_the_episodes_one_after_the_other(dataset, episodes):
    rows = pq.read_table(dataset / "data/chunk-000/file-000.parquet").to_pydict()
    assert rows["index"] == list(range(16))
    assert rows["episode_index"] == [0] * 9 + [1] * 7
    assert rows["frame_index"] == [*range(9), *range(7)]
    assert np.allclose(rows["timestamp"], np.array(rows["frame_index"]) / 8)
    assert np.array_equal(np.float32(rows["observation.state"])[9:], episodes[1].state)
    assert np.array_equal(np.float32(rows["action"])[9:], episodes[1].action)


def test_every_episode_says_where_its_rows_and_its_pictures_are(dataset, episodes):
    table = pq.read_table(dataset / "meta/episodes/chunk-000/file-000.parquet").to_pydict()
    assert table["dataset_from_index"] == [0, 9] and table["dataset_to_index"] == [9, 16]
    for number, episode in enumerate(episodes):
        file = table[f"videos/{CLIP}/file_index"][number]
        clip = read_video(dataset / f"videos/{CLIP}/chunk-000/file-{file:03d}.mp4", 64)
        assert clip.fps == 8 and len(clip.frames) == table["length"][number]
        assert table[f"videos/{CLIP}/to_timestamp"][number] == len(episode.frames) / 8
        assert np.abs(clip.frames.astype(int) - episode.frames).mean() < 12  # H.264 of pure noise


def test_the_tasks_are_found_by_the_number_in_the_rows(dataset):
    rows = pq.read_table(dataset / "data/chunk-000/file-000.parquet").to_pydict()
    tasks = pq.read_table(dataset / "meta/tasks.parquet").to_pydict()
    sentence = dict(zip(tasks["task_index"], tasks["__index_level_0__"]))
    assert [sentence[rows["task_index"][k]] for k in (0, 9)] == ["picks up the mug", "lifts the box"]


def test_statistics_are_those_of_all_steps(dataset, episodes):
    stats = json.loads((dataset / "meta/stats.json").read_text())
    state = np.concatenate([e.state for e in episodes])
    assert np.allclose(stats["observation.state"]["mean"], state.mean(0), atol=1e-6)
    assert np.shape(stats[CLIP]["q99"]) == (3, 1, 1)
    pictures = np.concatenate([e.frames for e in episodes]) / 255
    assert np.allclose(np.ravel(stats[CLIP]["std"]), pictures.std((0, 1, 2)))


def test_episodes_that_are_not_alike_leave_no_dataset(tmp_path, episodes):
    with pytest.raises(InputError, match="another picture size"):
        write_lerobot([episodes[0], replace(episodes[1], frames=episodes[1].frames[:, :32])], tmp_path / "dataset")
    assert not list(tmp_path.glob("*dataset*"))


def test_a_dataset_that_exists_is_not_touched(dataset, episodes):
    with pytest.raises(InputError, match="exists"):
        write_lerobot(episodes, dataset)


def test_lerobot_itself_reads_its_tables(dataset, episodes):
    reader = pytest.importorskip(
        "lerobot.datasets.lerobot_dataset", reason="LeRobot is not installed (it wants other packages than we do)"
    )
    read = reader.LeRobotDataset("local/plans", root=dataset)
    assert (read.num_episodes, read.num_frames, read.fps) == (2, 16, 8)
    step = read.hf_dataset[10]
    assert np.array_equal(step["observation.state"].numpy(), episodes[1].state[1])
    assert read.meta.tasks.iloc[int(step["task_index"])].name == "lifts the box"
    assert (dataset / read.meta.get_video_file_path(1, CLIP)).is_file()
    assert np.allclose(read.meta.stats["action"]["max"], np.concatenate([e.action for e in episodes]).max(0))
