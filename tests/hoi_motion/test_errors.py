import pickle

import pytest

from hoi_motion.errors import ErrorCode, InputError, TavidError, VideoError, counted, shown

# the published contract (docs/architecture.md)
NUMBERS = {
    "NONE": 0,
    "IMAGE_INVALID": 100,
    "MASK_INVALID": 101,
    "MASK_EMPTY": 102,
    "SIZE_MISMATCH": 103,
    "ENCODING_UNSUPPORTED": 104,
    "CAMERA_INVALID": 105,
    "INSTRUCTION_INVALID": 106,
    "IMAGE_STALE": 107,
    "NO_IMAGE": 108,
    "CONFIG_INVALID": 109,
    "OUTPUT_INVALID": 110,
    "FILE_INVALID": 111,
    "MODEL_MISSING": 200,
    "ADAPTER_INCOMPATIBLE": 201,
    "OUT_OF_MEMORY": 202,
    "GENERATION_FAILED": 203,
    "NO_ACTOR": 300,
    "NO_TARGET_TRACK": 301,
    "FIT_DIVERGED": 302,
    "BODY_MODEL_MISSING": 303,
    "CHECK_FAILED": 400,
    "CHECK_NOT_RUN": 401,
    "ROBOT_UNKNOWN": 500,
    "UNREACHABLE": 501,
    "CANCELLED": 900,
    "TIMED_OUT": 901,
    "BUSY": 902,
    "ABORTED": 903,
    "INTERNAL": 999,
}


def test_codes_keep_their_numbers():
    assert {c.name: c.value for c in ErrorCode} == NUMBERS


@pytest.mark.parametrize("code", list(ErrorCode))
def test_every_code_has_an_exit_code_of_the_contract(code):
    assert TavidError(code, "x").exit_code in (0, 2, 3, 4, 130)


@pytest.mark.parametrize(
    "code, exit_code",
    [
        ("MASK_EMPTY", 2),
        ("MODEL_MISSING", 4),
        ("BODY_MODEL_MISSING", 4),
        ("CHECK_FAILED", 3),
        ("CHECK_NOT_RUN", 4),
        ("CANCELLED", 130),
    ],
)
def test_exit_codes(code, exit_code):
    assert TavidError(ErrorCode[code], "x").exit_code == exit_code


def test_text_is_one_line_with_name_number_and_hint():
    error = InputError(ErrorCode.MASK_EMPTY, "mask\n is  empty", "mark\na pixel")
    assert str(error) == "MASK_EMPTY (102): mask is empty - mark a pixel"


def test_errors_travel_between_processes():
    error = pickle.loads(pickle.dumps(VideoError(ErrorCode.MODEL_MISSING, "gone", "fetch it")))
    assert (type(error), error.code, error.message, error.hint) == (
        VideoError,
        ErrorCode.MODEL_MISSING,
        "gone",
        "fetch it",
    )


def test_a_message_shows_no_control_characters_and_has_an_end():
    error = InputError(ErrorCode.FILE_INVALID, "a\x1b[31m\u202eb\x00\nc" + "x" * 10_000, "\x07hint")
    assert error.message.startswith("a\\x1b[31m\\u202eb\\x00 c") and len(error.message) < 3000
    assert str(error).isprintable()


def test_a_value_is_shown_in_short_whatever_it_is():
    deep = wide = []
    for _ in range(200):
        deep, wide = [deep], [wide] * 10
    for value in (deep, wide, 10**5000, "x" * 10**6, {i: i for i in range(10**5)}, b"x" * 10**6, float("nan")):
        assert 0 < len(shown(value)) < 500
    assert (shown(7), shown("a"), shown(None)) == ("7", "'a'", "None")


@pytest.mark.parametrize("count, words", [(0, "0 objects"), (1, "1 object"), (2, "2 objects")])
def test_one_thing_is_no_plural(count, words):
    assert counted(count, "object") == words
