"""tavid-plan export with bundles of which some are damaged."""

import pytest

from tavid_planner.cli.plan import main


def test_a_damaged_bundle_is_left_out_by_name_and_costs_no_other_its_place(write_bundle, tmp_path, capsys, monkeypatch):
    written = []
    monkeypatch.setattr("tavid_planner.dataset.mcap.write_mcap", lambda episode, path: written.append(episode.name))
    for name in ("a", "broken", "z"):
        write_bundle(name)
    (tmp_path / "plans" / "broken" / "video.mp4").write_bytes(b"cut off")
    assert main(["export", "--plans", str(tmp_path / "plans"), "--mcap", str(tmp_path / "data")]) == 0
    assert written == ["a", "z"]
    out = capsys.readouterr().out
    assert "mcap     2 recordings" in out and "left out broken: it cannot be read" in out


@pytest.mark.parametrize("option", ["--mcap", "--lerobot"])
def test_where_all_bundles_are_damaged_each_is_named(write_bundle, tmp_path, capsys, option):
    if option == "--lerobot":
        pytest.importorskip("pyarrow")
    write_bundle("broken")
    (tmp_path / "plans" / "broken" / "video.mp4").write_bytes(b"cut off")
    assert main(["export", "--plans", str(tmp_path / "plans"), option, str(tmp_path / "data")]) == 2
    told = capsys.readouterr()
    assert "left out broken: it cannot be read" in told.out and "no episode" in told.err
    assert not (tmp_path / "data").exists()


def test_a_folder_that_cannot_be_made_is_named_before_any_plan_is_read(write_bundle, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("tavid_planner.dataset.episode.read_episode", lambda *_: pytest.fail("a plan is read"))
    write_bundle("mug")
    (tmp_path / "file").write_text("")
    assert main(["export", "--plans", str(tmp_path / "plans"), "--mcap", str(tmp_path / "file" / "data")]) == 2
    assert "OUTPUT_INVALID (110): cannot make the folder" in capsys.readouterr().err


def test_a_recording_of_another_batch_is_not_replaced(write_bundle, tmp_path, capsys):
    write_bundle("mug")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "mug.mcap").write_bytes(b"of another batch")
    assert main(["export", "--plans", str(tmp_path / "plans"), "--mcap", str(tmp_path / "data")]) == 2
    assert "OUTPUT_INVALID" in capsys.readouterr().err
    assert (tmp_path / "data" / "mug.mcap").read_bytes() == b"of another batch"
