"""Every bad input of a request gets its own code and one line."""

import numpy as np
import pytest

from tavid_planner.errors import ErrorCode, InputError
from tavid_planner.instances import Instance
from tavid_planner.planner import SEED_LIMIT
from tavid_planner.request import InteractionRequest, checked_mask

SIZE = (64, 96)


def block(dtype=np.uint8, value=255):
    mask = np.zeros(SIZE, dtype)
    mask[20:30, 40:60] = value
    return mask


def many_values():
    mask = block()
    mask[:5] = np.arange(96)
    return mask


def with_nan():
    mask = block(np.float32, 1.0)
    mask[0, 0] = np.nan
    return mask


@pytest.mark.parametrize(
    "mask", [block(bool, True), block(), block(np.uint16, 7), block(np.float32, 1.0), block()[..., None]]
)
def test_two_valued_masks_of_every_dtype_mean_the_same(mask):
    assert np.array_equal(checked_mask(mask, SIZE), block(bool, True))


@pytest.mark.parametrize(
    "mask, code",
    [
        (np.zeros(SIZE, np.uint8), ErrorCode.MASK_EMPTY),
        (np.full(SIZE, 255, np.uint8), ErrorCode.MASK_INVALID),
        (block()[:-1], ErrorCode.SIZE_MISMATCH),
        (block().T, ErrorCode.SIZE_MISMATCH),
        (many_values(), ErrorCode.MASK_INVALID),
        (np.where(block() > 0, 2, 1), ErrorCode.MASK_INVALID),
        (np.stack([block(), np.roll(block(), 30, 1), block() * 0], -1), ErrorCode.MASK_INVALID),
        (with_nan(), ErrorCode.MASK_INVALID),
        (np.linspace(0, 1, 64 * 96, dtype=np.float32).reshape(SIZE), ErrorCode.MASK_INVALID),
        (np.full(SIZE, "x"), ErrorCode.MASK_INVALID),
        (np.zeros(SIZE, complex), ErrorCode.MASK_INVALID),
    ],
    ids=[
        "empty",
        "full",
        "one row less",
        "turned",
        "many values",
        "no zero",
        "colour",
        "nan",
        "soft",
        "text",
        "complex",
    ],
)
def test_bad_masks(make_request, mask, code):
    with pytest.raises(InputError) as error:
        make_request(target_mask=mask)
    assert error.value.code is code
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "rgb",
    [
        np.zeros((1, 1, 3), np.uint8),
        np.zeros((64, 1, 3), np.uint8),
        np.zeros((64, 96), np.uint8),
        np.zeros((64, 96, 4), np.uint8),
        np.zeros((64, 96, 3), np.float32),
        np.zeros((16, 9000, 3), np.uint8),
        [[[0, 0, 0]], [[0, 0]]],
    ],
    ids=["1 pixel", "1 column", "grey", "4 channels", "float", "too wide", "no array"],
)
def test_bad_images(make_request, rgb):
    with pytest.raises(InputError) as error:
        make_request(rgb=rgb)
    assert error.value.code is ErrorCode.IMAGE_INVALID


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   \n ",
        "[TGT]",
        "x" * 10_000,
        None,
        3,
        b"bytes",
        "picks \udcff up the [TGT] mug",
        "picks up the \x1b[31m[TGT] mug",
        "picks up the [tgt] mug",
        "picks up the <TARGET> mug",
    ],
)
def test_bad_instructions(make_request, text):
    with pytest.raises(InputError) as error:
        make_request(instruction=text)
    assert error.value.code is ErrorCode.INSTRUCTION_INVALID
    assert len(str(error.value)) < 300


def test_a_word_in_brackets_is_no_mark(make_request):
    assert "(target)" in make_request(instruction="throws it at the board (target)").instruction


@pytest.mark.parametrize(
    "K",
    [
        [[np.nan, 0, 1], [0, 90, 1], [0, 0, 1]],
        [[-90, 0, 1], [0, 90, 1], [0, 0, 1]],
        [[90, 0, 1], [0, 0, 1], [0, 0, 1]],
        [[90, 0, 1], [0, 90, 1], [0, 0, 2]],
        np.eye(4),
        "camera",
        [[1.2, 0, 0.5], [0, 1.6, 0.5], [0, 0, 1]],
    ],
    ids=["nan", "negative", "zero", "scaled", "4x4", "text", "shares"],
)
def test_bad_intrinsics(make_request, K):
    with pytest.raises(InputError) as error:
        make_request(intrinsics=K)
    assert error.value.code is ErrorCode.CAMERA_INVALID


def test_an_unknown_source_of_intrinsics_is_refused_with_those_that_there_are(make_request):
    with pytest.raises(InputError, match="CAMERA_INVALID.*intrinsics_source is 'exif'.*'camera_info' or 'EXIF'"):
        make_request(intrinsics_source="exif")


@pytest.mark.parametrize(
    "depth, code",
    [
        (np.ones((2, 2)), ErrorCode.SIZE_MISMATCH),
        (np.full(SIZE, 1e38), ErrorCode.IMAGE_INVALID),
        (np.full(SIZE, True), ErrorCode.IMAGE_INVALID),
    ],
    ids=["size", "far", "bool"],
)
def test_bad_depth(make_request, depth, code):
    with pytest.raises(InputError) as error:
        make_request(depth_m=depth)
    assert error.value.code is code


def test_unknown_depth_may_be_nan_or_zero(make_request):
    depth = np.full(SIZE, 2.0)
    depth[0, 0], depth[0, 1] = np.nan, 0
    assert make_request(depth_m=depth).depth_m.dtype == np.float32


@pytest.mark.parametrize(
    "field, value", [("seed", -1), ("seed", 2**63), ("seed", 1.5), ("samples", 0), ("samples", 65), ("samples", True)]
)
def test_bad_numbers(make_request, field, value):
    with pytest.raises(InputError) as error:
        make_request(**{field: value})
    assert error.value.code is ErrorCode.CONFIG_INVALID
    assert field in error.value.message


def test_the_training_sentence_is_appended_only_without_the_target_word(make_request):
    marked, plain = make_request(), make_request(instruction="drinks. ")
    assert not marked.sentence_appended and marked.prompt == "picks up the [TGT] mug"
    assert plain.sentence_appended and plain.prompt == "drinks. The person interacts with [TGT] object."


def test_a_request_does_not_change_with_the_arrays_it_was_made_from():
    rgb, mask = np.zeros((*SIZE, 3), np.uint8), block()
    request = InteractionRequest(rgb, mask, "lifts it")
    rgb[:], mask[:] = 9, 0
    assert request.rgb.max() == 0 and request.target_mask.any()
    with pytest.raises(ValueError):
        request.rgb[0, 0] = 1


@pytest.mark.parametrize("unknown", [0.0, -1.0, np.nan, np.inf, -np.inf])
def test_whatever_is_no_distance_means_unknown_depth(make_request, unknown):
    depth_m = np.full(SIZE, 2.5, np.float32)
    depth_m[3, 4] = unknown
    expected = np.full(SIZE, 2.5, np.float32)
    expected[3, 4] = 0
    assert np.array_equal(make_request(depth_m=depth_m).depth_m, expected)


def marked(name: str, role: str, column: int) -> Instance:
    mask = np.zeros((64, 96), bool)
    mask[20:40, column : column + 10] = True
    return Instance(name, role, mask)


def test_one_mask_is_one_instance_and_an_actor_the_second(make_request):
    assert [(i.name, i.role) for i in make_request().instances] == [("target", "target")]
    request = make_request(actor_mask=marked("", "actor", 5).mask)
    assert [i.role for i in request.instances] == ["target", "actor"]


def test_a_request_of_instances_has_their_masks(make_request):
    instances = [marked("bowl", "other", 50), marked("woman", "actor", 5), marked("mug", "target", 30)]
    request = InteractionRequest.of_instances(make_request().rgb, instances, "The woman lifts the [TGT] mug", seed=3)
    assert [i.name for i in request.instances] == ["mug", "woman", "bowl"] and request.seed == 3
    assert np.array_equal(request.target_mask, instances[2].mask)
    assert np.array_equal(request.actor_mask, instances[1].mask)


def test_masks_that_contradict_the_instances_are_refused(make_request):
    with pytest.raises(InputError, match="target mask is not that") as error:
        make_request(instances=(marked("mug", "target", 5),))
    assert error.value.code is ErrorCode.MASK_INVALID


def test_a_seed_of_numpy_is_counted_on_without_becoming_a_fraction(make_request):
    """`numpy.int64` % 2**63 is a float, which cannot tell the seeds of two samples apart."""
    request = make_request(seed=np.int64(2**62 + 1), samples=np.int8(2))
    seeds = [(request.seed + k) % SEED_LIMIT for k in range(request.samples)]
    assert [str(seed) for seed in seeds] == [str(2**62 + 1), str(2**62 + 2)]
