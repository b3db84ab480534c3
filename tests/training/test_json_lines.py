import pytest

from tavid_planner.errors import ErrorCode, InputError
from training.json_lines import append_line, drop_cut_line, read_lines


def test_a_line_cut_off_by_a_kill_is_dropped_and_the_file_goes_on(tmp_path):
    path = tmp_path / "a.jsonl"
    append_line(path, {"a": 1})
    with open(path, "a") as file:
        file.write('{"a": ')
    assert read_lines(path) == [{"a": 1}]
    drop_cut_line(path)
    append_line(path, {"a": 2})
    assert read_lines(path) == [{"a": 1}, {"a": 2}]


def test_a_file_with_a_cut_line_only_is_empty(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"a"')
    assert read_lines(path) == []
    drop_cut_line(path)
    assert path.read_text() == ""


@pytest.mark.parametrize("damaged", [b"\x00\x00\x00", b'{"step": 2', b"[1]", b"\xff\xfe"])
def test_a_damaged_line_is_named_by_its_number(damaged, tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_bytes(b'{"step": 1}\n' + damaged + b'\n{"step": 3}\n')
    with pytest.raises(InputError, match="line 2 is") as caught:
        read_lines(path)
    assert caught.value.code == ErrorCode.FILE_INVALID


def test_a_letter_that_ends_lines_elsewhere_ends_none_here(tmp_path):
    (tmp_path / "log.jsonl").write_text('{"caption": "one\u2028two"}\n\n', encoding="utf-8")
    assert read_lines(tmp_path / "log.jsonl") == [{"caption": "one\u2028two"}]
