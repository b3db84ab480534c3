import json

import numpy as np
import pytest
import torch

from hoi_motion.errors import InputError
from training.scenes import generate as module
from training.scenes.generate import Settings, clip_path, generate
from training.scenes.scene import free_body, generate_scene

SETTINGS = Settings(32, 48, 5, supersampling=1)


def files(folder):
    return {p.name: p.read_bytes() for p in folder.iterdir()}


def test_restart_after_a_kill_gives_the_same_files(tmp_path, monkeypatch):
    generate(tmp_path / "whole", SETTINGS, 7, 3)
    made = []
    original = module.make_clip

    def killed(folder, settings, seed):
        if len(made) == 2:
            raise KeyboardInterrupt
        made.append(seed)
        return original(folder, settings, seed)

    monkeypatch.setattr(module, "make_clip", killed)
    with pytest.raises(KeyboardInterrupt):
        generate(tmp_path / "killed", SETTINGS, 7, 3)
    made.clear()
    clip_path(tmp_path / "killed", 7).write_bytes(b"cut off")
    with open(tmp_path / "killed" / "index.jsonl", "a") as index:
        index.write('{"seed": 9, "fi')
    entries = generate(tmp_path / "killed", SETTINGS, 7, 3)
    assert made == [7, 9] and [e["seed"] for e in entries] == [7, 8, 9]
    assert files(tmp_path / "killed") == files(tmp_path / "whole")


def test_scene_does_not_depend_on_the_number_of_threads():
    before, poses = torch.get_num_threads(), []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            free_body.cache_clear()
            poses.append(generate_scene(20, 32, 48, 5, supersampling=1).motion.pose_rad)
    finally:
        torch.set_num_threads(before)
    np.testing.assert_array_equal(*poses)


@pytest.mark.slow
def test_number_of_workers_does_not_change_the_files(tmp_path):
    generate(tmp_path / "one", SETTINGS, 20, 3, workers=1)
    generate(tmp_path / "two", SETTINGS, 20, 3, workers=2)
    assert files(tmp_path / "one") == files(tmp_path / "two")


def test_folder_with_other_settings_is_refused(tmp_path):
    generate(tmp_path, SETTINGS, 7, 1)
    with pytest.raises(InputError, match="holds clips with another"):
        generate(tmp_path, Settings(32, 48, 9, supersampling=1), 7, 1)
    (entry,) = [json.loads(line) for line in (tmp_path / "index.jsonl").read_text().splitlines()]
    assert entry["file"] == clip_path(tmp_path, 7).name and "[TGT]" in entry["caption"]
