"""A list of requests: what a line may say, and what is said of one that is wrong."""

import json
import os

import pytest

from tavid_planner.batch.request_list import read_request_list
from tavid_planner.errors import ErrorCode, InputError

LINE = {"image": "image.png", "mask": "mask.png", "instruction": "picks up the [TGT] mug"}


def listed(tmp_path, *lines):
    path = tmp_path / "list.jsonl"
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines))
    return read_request_list(path)


def test_a_line_without_a_name_is_called_by_its_number(tmp_path):
    assert [r.name for r in listed(tmp_path, LINE, "", LINE | {"name": "mug"})] == ["0001", "mug"]


def test_files_are_named_from_the_folder_of_the_list(tmp_path, write_list):
    path = write_list("picks up the [TGT] mug")
    [request] = read_request_list(path)
    assert request.files.read().instruction == "picks up the [TGT] mug"


def test_another_picture_under_the_same_name_is_another_request(tmp_path, write_list):
    path = write_list("picks up the [TGT] mug")
    [before] = read_request_list(path)
    (tmp_path / "image.png").write_bytes((tmp_path / "mask.png").read_bytes())
    [after] = read_request_list(path)
    assert before.digest != after.digest


def test_intrinsics_are_numbers_or_a_file_beside_the_list_that_belongs_to_the_request(tmp_path):
    (tmp_path / "camera.json").write_text('{"fx": 90, "fy": 90, "cx": 48, "cy": 32}')
    [numbers, before] = listed(
        tmp_path,
        LINE | {"name": "a", "intrinsics": "90,90,48,32"},
        LINE | {"name": "b", "intrinsics": "camera.json"},
    )
    assert numbers.files.intrinsics == "90,90,48,32"
    assert before.files.intrinsics == str(tmp_path / "camera.json")
    (tmp_path / "camera.json").write_text('{"fx": 91, "fy": 90, "cx": 48, "cy": 32}')
    [after] = listed(tmp_path, LINE | {"name": "b", "intrinsics": "camera.json"})
    assert before.digest != after.digest


@pytest.mark.parametrize(
    "line, said",
    [
        ("{", "is no JSON"),
        ("[]", "no JSON object"),
        (json.dumps(LINE)[:-1] + ', "mask": "other.png"}', "'mask' twice"),
        ('{"name": ' + "[" * 5000, "is no JSON"),
        (LINE | {"name": "../up"}, "no name of a folder"),
        (LINE | {"name": 7}, "no name of a folder"),
        (LINE | {"name": "a" + "漢" * 99}, "no name of a folder"),
        (LINE | {"sead": 1}, "unknown name"),
        (LINE | {"seed": "1"}, "expected an integer"),
        (LINE | {"seed": True}, "expected an integer"),
        (LINE | {"image": 3}, "expected the name of a file"),
        (LINE | {"depth": ""}, "depth is '', expected the name of a file"),
        (LINE | {"intrinsics": ""}, "intrinsics is '', expected fx,fy,cx,cy"),
        (LINE | {"floor_height": "low"}, "expected metres"),
        (LINE | {"floor_height": float("nan")}, "expected metres"),
        (LINE | {"floor_height": 10**400}, "expected metres"),
        (LINE | {"instances": ["mug:target:m.png"]}, "exactly one of mask and instances"),
        ({"mask": "mask.png"}, "image and instruction missing"),
    ],
)
def test_a_wrong_line_is_named_with_its_number(tmp_path, line, said):
    with pytest.raises(InputError, match="line 2") as caught:
        listed(tmp_path, LINE, line)
    assert caught.value.code is ErrorCode.CONFIG_INVALID and said in str(caught.value)


def test_names_that_are_one_folder_are_refused(tmp_path):
    with pytest.raises(InputError, match="comes twice"):
        listed(tmp_path, LINE | {"name": "Mug"}, LINE | {"name": "mug"})


def test_an_empty_list_is_refused(tmp_path):
    with pytest.raises(InputError, match="no request"):
        listed(tmp_path, "", " ")


def test_a_letter_that_parts_lines_elsewhere_stands_in_a_text(tmp_path):
    line = LINE | {"instruction": "picks up\u2028the [TGT] mug"}
    [request] = listed(tmp_path, json.dumps(line, ensure_ascii=False))
    assert request.name == "0001"


def test_a_pipe_in_place_of_a_picture_does_not_hold_up_the_list(tmp_path):
    os.mkfifo(tmp_path / "image.png")
    [request] = listed(tmp_path, LINE)
    with pytest.raises(InputError, match="is not a file"):
        request.files.read()
