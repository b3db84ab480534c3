import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoi_motion.camera import Camera
from hoi_motion.errors import ErrorCode, InputError
from hoi_motion.motion import Contact, HoiMotion


def test_a_saved_motion_is_loaded_as_it_was(motion, tmp_path):
    motion.save(tmp_path / "motion.npz")
    loaded = HoiMotion.load(tmp_path / "motion.npz")
    assert [p.name for p in tmp_path.iterdir()] == ["motion.npz"]
    for field in ("pose_rad", "transl_m", "betas"):
        assert np.array_equal(getattr(loaded, field), getattr(motion, field))
    assert (loaded.fps, loaded.body_model, loaded.contacts, loaded.diagnostics) == (
        motion.fps,
        motion.body_model,
        motion.contacts,
        motion.diagnostics,
    )
    assert np.array_equal(loaded.camera.K, motion.camera.K)
    assert np.array_equal(loaded.target.T_world_object, motion.target.T_world_object)
    assert np.array_equal(loaded.target.faces, motion.target.faces)
    assert loaded.supports[0].top_height_m == motion.supports[0].top_height_m


def test_notes_are_kept_and_older_files_have_none(motion, tmp_path):
    motion.replace(notes=["hands are open"]).save(tmp_path / "motion.npz")
    assert HoiMotion.load(tmp_path / "motion.npz").notes == ("hands are open",)
    arrays = dict(np.load(tmp_path / "motion.npz"))
    meta = json.loads(str(arrays["meta"]))
    del meta["notes"]
    np.savez(tmp_path / "older.npz", **(arrays | {"meta": np.array(json.dumps(meta))}))
    assert HoiMotion.load(tmp_path / "older.npz").notes == ()


def test_a_motion_file_holds_no_pickles(motion, tmp_path):
    motion.save(tmp_path / "motion.npz")
    with np.load(tmp_path / "motion.npz", allow_pickle=False) as file:
        assert all(file[name].dtype != object for name in file)


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04 cut off"])
def test_a_damaged_motion_file_is_refused(tmp_path, content):
    (tmp_path / "bad.npz").write_bytes(content)
    with pytest.raises(InputError) as error:
        HoiMotion.load(tmp_path / "bad.npz")
    assert error.value.code is ErrorCode.FILE_INVALID


def test_a_truncated_motion_file_is_refused(motion, tmp_path):
    motion.save(tmp_path / "motion.npz")
    whole = (tmp_path / "motion.npz").read_bytes()
    for size in (len(whole) // 4, len(whole) // 2, len(whole) - 10):
        (tmp_path / "cut.npz").write_bytes(whole[:size])
        with pytest.raises(InputError):
            HoiMotion.load(tmp_path / "cut.npz")


def test_another_kind_of_npz_is_refused(tmp_path):
    np.savez(tmp_path / "other.npz", poses=np.zeros(3))
    with pytest.raises(InputError) as error:
        HoiMotion.load(tmp_path / "other.npz")
    assert error.value.code is ErrorCode.FILE_INVALID


def test_a_motion_cannot_be_written_into_a_file(motion, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError) as error:
        motion.save(tmp_path / "file" / "motion.npz")
    assert error.value.code is ErrorCode.OUTPUT_INVALID


@pytest.mark.parametrize(
    "changes",
    [
        {"pose_rad": np.zeros((9, 54, 3))},
        {"pose_rad": np.full((9, 55, 3), np.nan)},
        {"transl_m": np.zeros((8, 3))},
        {"fps": 0.0},
        {"fps": np.nan},
        {"pose_rad": np.zeros((0, 55, 3)), "transl_m": np.zeros((0, 3)), "objects": (), "contacts": ()},
        {"contacts": (Contact("left_hand", "target", 0, 10),)},
        {"contacts": (Contact("left_hand", "other", 0, 1),)},
    ],
    ids=["joints", "nan", "lengths", "no fps", "nan fps", "no frames", "contact too long", "contact with nothing"],
)
def test_an_inconsistent_motion_is_refused(motion, changes):
    with pytest.raises(InputError) as error:
        motion.replace(**changes)
    assert error.value.code is ErrorCode.FILE_INVALID


@pytest.mark.parametrize(
    "fields",
    [
        ("hand", "target", 0, 1),
        ("left_hand", "target", 3, 3),
        ("left_hand", "target", -1, 1),
        ("left_hand", "target", 0, 1, 1.5),
    ],
)
def test_a_bad_contact_is_refused(fields):
    with pytest.raises(InputError):
        Contact(*fields)


@pytest.mark.parametrize("kind", ["objects", "supports"])
def test_names_are_unique(motion, kind):
    with pytest.raises(InputError, match="repeat.* - give each its own"):
        motion.replace(**{kind: getattr(motion, kind) * 2})


@pytest.mark.parametrize("name, words", [("target", "repeat"), ("floor", "another name"), ("pedestal", "another name")])
def test_a_support_is_called_as_nothing_else_is(motion, name, words):
    support = dataclasses.replace(motion.supports[0], name=name)
    with pytest.raises(InputError, match=f"FILE_INVALID.*{name}.*{words}|FILE_INVALID.*{words}.*{name}"):
        motion.replace(supports=(support,))


def test_contact_mask_is_the_frames_of_the_contact(motion):
    assert motion.contact_mask("right_hand", "target").tolist() == [False] * 5 + [True] * 4
    assert not motion.contact_mask("left_hand", "target").any()


def test_a_sheared_camera_pose_is_refused(motion):
    T = motion.camera.T_world_camera.copy()
    T[0, 1] += 0.1
    with pytest.raises(InputError, match="rigid"):
        dataclasses.replace(motion.camera, T_world_camera=T)


@given(x=st.floats(-1, 1), y=st.floats(-1, 1), depth_m=st.floats(0.1, 10))
def test_a_point_on_a_pixel_ray_projects_to_that_pixel(x, y, depth_m):
    T_world_camera = np.array([[1.0, 0, 0, 0.3], [0, 0, 1, -3], [0, -1, 0, 1], [0, 0, 0, 1]])
    camera = Camera([[90, 0, 47.5], [0, 80, 31.5], [0, 0, 1]], T_world_camera, 96, 64)
    point_camera = np.array([x * depth_m, y * depth_m, depth_m, 1.0])
    pixel = camera.project((T_world_camera @ point_camera)[:3])
    assert np.allclose(pixel, [90 * x + 47.5, 80 * y + 31.5], atol=1e-6)


def test_points_behind_the_camera_have_no_pixel(motion):
    behind = motion.camera.T_world_camera @ [0, 0, -1, 1]
    assert np.isnan(motion.camera.project(behind[:3])).all()


def written(motion, path, meta=None, **arrays):
    """A motion's file with parts of it changed."""
    motion.save(path)
    data = dict(np.load(path))
    content = json.loads(str(data["meta"]))
    np.savez(path, **data | arrays | {"meta": np.array(json.dumps(meta(content) or content if meta else content))})
    return path


@pytest.mark.parametrize(
    "name, words", [("flat.npz", "object 'target' vertices_m are 0 m thick"), ("tableneg.npz", "size_m is")]
)
def test_a_file_that_cannot_be_of_this_world_is_refused_by_field_and_value(name, words):
    with pytest.raises(InputError, match=f"FILE_INVALID.*{name}: .*{words}"):
        HoiMotion.load(Path(__file__).parent / name)


NASTY_ARRAYS = {
    "pose_rad": (lambda a: a + 1e5, r"pose_rad\[0, 0, 0\] is 1"),
    "transl_m": (lambda a: a + 1e30, r"transl_m\[0, 0\] is 1"),
    "betas": (lambda a: a + 1e6, r"betas\[0\] is"),
    "camera_K": (lambda a: a * 1e300, r"intrinsics\[0, 0\] is"),
    "object0_vertices_m": (lambda a: a + 1e6, r"vertices_m\[0, 0\] is"),
    "object0_faces": (lambda a: a + 0.5, r"faces\[0, 0\] is .*whole number"),
    "object0_T_world_object": (lambda a: a + [[0, 0, 0, 1e9]] * 3 + [[0] * 4], "T_world_object"),
    "camera_T_world_camera": (lambda a: a.astype("U9"), "not an array of float64"),
}


@pytest.mark.parametrize("name", NASTY_ARRAYS)
def test_numbers_that_make_no_sense_are_named(motion, tmp_path, name):
    change, words = NASTY_ARRAYS[name]
    motion.save(tmp_path / "m.npz")
    value = np.load(tmp_path / "m.npz")[name].astype(float)
    try:
        changed = change(value)
    except ValueError:
        changed = value + 1e9
    with pytest.raises(InputError, match=f"FILE_INVALID.*m.npz.*{words}"):
        HoiMotion.load(written(motion, tmp_path / "m.npz", **{name: changed}))


WRONG_VALUES = {
    ("fps",): ("30", True, 1e300, None, []),
    ("body_model",): (7, "", "a\x1b[31m", "a" * 9999),
    ("camera",): ([],),
    ("camera", "width"): (64.5, 10**9, "64"),
    ("camera", "any"): (1,),
    ("objects",): ({},),
    ("objects", 0): ([],),
    ("objects", 0, "name"): (7, "\u202ecup"),
    ("objects", 0, "is_target"): ("yes",),
    ("objects", 0, "shape"): ([],),
    ("contacts",): (3,),
    ("diagnostics",): ([], {"a": [1.0]}),
    ("notes",): ("text", [1]),
    ("schema",): ([[[]]],),
}


@pytest.mark.parametrize("place, value", [(place, value) for place, values in WRONG_VALUES.items() for value in values])
def test_a_value_of_another_type_is_file_invalid(motion, tmp_path, place, value):
    def change(meta):
        inner = meta
        for key in place[:-1]:
            inner = inner[key]
        inner[place[-1]] = value

    with pytest.raises(InputError, match="FILE_INVALID.*m.npz") as error:
        HoiMotion.load(written(motion, tmp_path / "m.npz", change))
    assert str(error.value).isprintable() and len(str(error.value)) < 1000


@pytest.mark.parametrize("text", ["[1, 2]", "[" * 50_000, "nonsense", "7", '{"schema": 1}'])
def test_meta_that_is_no_meta_is_file_invalid(motion, tmp_path, text):
    motion.save(tmp_path / "m.npz")
    np.savez(tmp_path / "m.npz", **dict(np.load(tmp_path / "m.npz")) | {"meta": np.array(text)})
    with pytest.raises(InputError, match="FILE_INVALID.*not a readable motion file"):
        HoiMotion.load(tmp_path / "m.npz")
