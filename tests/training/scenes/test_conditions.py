import hashlib

import numpy as np
import pytest

from training.scenes.camera import sample_camera
from training.scenes.conditions import TRAINING, CameraRange, Conditions
from training.scenes.layout import Crowded, sample_layout, with_occluder
from training.scenes.objects import HELD_OUT_NAMES, OBJECT_NAMES
from training.scenes.scene import sample_plot


def layouts(conditions, count=12, others=1, candidates=2):
    for seed in range(count):
        try:
            yield sample_layout(np.random.default_rng(seed), 1.7, candidates, others, False, conditions)
        except Crowded:
            continue


def test_arrangement_without_conditions_is_the_one_of_training():
    """The digest is of the arrangements that the training clips were made from."""
    digest = hashlib.sha256()
    for layout in layouts(TRAINING):
        for thing in layout.objects:
            digest.update(f"{thing.model.name} {thing.model.colour} {np.round(thing.T_world, 6).tolist()}".encode())
    assert digest.hexdigest()[:16] == "80c9940a8f8d0e11"


def test_target_factors_change_the_candidates_only():
    small = Conditions(target_factors=(0.5, 0.5, 1.0))
    for usual, thin in zip(layouts(TRAINING), layouts(small), strict=True):
        for index, (a, b) in enumerate(zip(usual.objects, thin.objects)):
            if a.model.name != b.model.name:
                continue  # narrower things may find other places
            width = np.ptp(b.model.vertices_m[:, 0]) / np.ptp(a.model.vertices_m[:, 0])
            assert width == pytest.approx(0.5 if index in thin.candidates else 1.0)
            assert b.model.height_m == pytest.approx(a.model.height_m)


def test_held_out_kinds_are_candidates_on_demand_only():
    assert not set(HELD_OUT_NAMES) & set(OBJECT_NAMES)
    seen = {o.model.name for layout in layouts(TRAINING, 40) for o in layout.objects}
    assert not seen & set(HELD_OUT_NAMES)
    for layout in layouts(Conditions(names=HELD_OUT_NAMES)):
        assert {layout.objects[c].model.name for c in layout.candidates} <= set(HELD_OUT_NAMES)


def test_further_objects_stand_further_and_on_the_table():
    for usual, far in zip(layouts(TRAINING), layouts(Conditions(further_m=0.15)), strict=True):
        for a, b in zip(usual.objects, far.objects):
            assert b.T_world[0, 3] - a.T_world[0, 3] == pytest.approx(0.15)
            assert b.T_world[0, 3] < far.area_centre_m[0] + far.area_size_m[0] / 2


def test_occluder_stands_before_the_target_and_is_of_another_kind():
    placed = 0
    for seed, layout in enumerate(layouts(TRAINING, 30)):
        target = layout.candidates[0]
        try:
            more = with_occluder(layout, target, np.random.default_rng(seed))
        except Crowded:
            continue
        placed += 1
        front, thing = more.objects[-1], more.objects[target]
        assert front.T_world[0, 3] > thing.T_world[0, 3] + 0.1
        assert front.model.name != thing.model.name and front.model.colour != thing.model.colour
        assert len({o.instance for o in more.objects}) == len(more.objects)
    assert placed > 3


def test_camera_stands_in_the_range_asked_for():
    where = CameraRange(1.15, 0.05, (1.0, 1.3), (0.55, 0.8))
    points = np.array([[0, 0, 1.6], [0.5, 0.3, 0.8], [0.5, -0.3, 0.8]])
    for seed in range(10):
        camera = sample_camera(points, 72, 108, np.random.default_rng(seed), where)
        backwards = -camera.T_world_camera[:3, 2]
        assert 0.54 < np.arcsin(backwards[2]) < 0.81
        assert 0.95 < np.arctan2(backwards[1], backwards[0]) < 1.35


def test_views_are_chosen_by_the_targets_visible_share():
    half = Conditions(target_shown=(0.3, 0.6))
    assert half.shows(np.array([0.9, 0.5, 1.0]), 1)
    assert not half.shows(np.array([0.9, 0.7, 1.0]), 1)
    assert not half.shows(np.array([0.2, 0.5, 1.0]), 1)
    assert not TRAINING.shows(np.array([0.9, 0.5]), 0)


def test_counts_and_place_follow_the_conditions():
    plots = [sample_plot(seed, 2, Conditions(others=3, on_table=True)) for seed in range(50)]
    assert {(p.num_candidates, p.others, p.on_floor) for p in plots} == {(2, 3, False)}
