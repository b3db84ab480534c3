"""A body is read once, and again when its file has changed."""

import gc
import os
import pickle
import weakref

import numpy as np
import pytest

from hoi_motion.body import forget_bodies, load_body
from hoi_motion.body.free_body_file import read_free_body, smplx_arrays
from hoi_motion.body.posed import check_body
from hoi_motion.body.skinning import ShapedBody
from hoi_motion.errors import ErrorCode, InputError, LiftError


@pytest.fixture
def file(tmp_path):
    np.savez(tmp_path / "SMPLX_NEUTRAL.npz", **smplx_arrays(read_free_body()))
    return tmp_path / "SMPLX_NEUTRAL.npz"


def test_the_same_file_is_read_once():
    assert load_body() is load_body("") is load_body(None, 10)


def test_another_number_of_betas_is_another_body():
    assert load_body(num_betas=12).num_betas == 12 and load_body().num_betas == 10


def test_a_file_that_changed_is_read_again(file):
    before = load_body(file)
    assert load_body(file) is before
    os.utime(file, ns=(1, 1))
    assert load_body(file) is not before


def test_forgotten_bodies_are_read_again():
    before = load_body()
    forget_bodies()
    assert load_body() is not before


def test_a_forgotten_body_gives_its_memory_back_after_it_was_posed():
    body = load_body()
    ShapedBody(body, np.zeros(10))
    kept = weakref.ref(body)
    del body
    forget_bodies()
    gc.collect()
    assert kept() is None


def test_a_body_travels_as_the_name_of_its_file(file):
    body = load_body(file)
    sent = pickle.dumps(body)
    assert len(sent) < 2000 and pickle.loads(sent) is body


def test_a_body_whose_file_became_another_one_does_not_arrive(file, tmp_path):
    sent = pickle.dumps(load_body(file))
    with open(file, "ab") as end:
        end.write(b"\0")
    with pytest.raises(LiftError) as error:
        pickle.loads(sent)
    assert error.value.code is ErrorCode.BODY_MODEL_MISSING


def test_a_body_has_no_more_betas_than_its_file(motion):
    many = motion.replace(betas=np.zeros(5000))
    body = load_body(num_betas=5000)
    assert body.num_betas == 300
    with pytest.raises(InputError, match="5000 betas, the body anny-free has 300"):
        check_body(body, many)
    with pytest.raises(LiftError, match="5000 betas, the body anny-free has 300"):
        body.joints(many.pose_rad, many.transl_m, many.betas)


def test_a_tilde_stands_for_the_home_folder(file, monkeypatch):
    monkeypatch.setenv("HOME", str(file.parent))
    assert load_body(f"~/{file.name}") is load_body(file)
