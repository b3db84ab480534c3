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
