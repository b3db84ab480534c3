"""The lifting benchmark in pieces: which clip a scene has, what a stopped run goes on from, and the table."""

import json

from benchmarks.lift import COLUMNS, num_frames, table
from benchmarks.lift_wider import verdicts
from benchmarks.pieces import measure_pieces
from benchmarks.results import measured_code

SETTINGS = {"size": "480x720", "frames": "25-49", "fps": 8.0, "depth": False, "no_intrinsics": False}


NO_SEAT = {"seat_m": None, "true_seat_m": None}


def _row(seed: int, **numbers) -> dict:
    row = {"piece": seed, "code": measured_code(), "settings": SETTINGS, "parts": {"fit": 1.0}, "peak_gib": 1.5}
    return row | dict.fromkeys(COLUMNS, 1.0) | numbers


def test_clip_lengths_fill_the_range_and_depend_on_the_seed_alone():
    lengths = [num_frames("25-49", seed) for seed in range(300)]
    assert set(lengths) == set(range(25, 50))
    assert lengths[7] == num_frames("25-49", 7)


def test_one_length_is_that_of_every_scene():
    assert {num_frames("17", seed) for seed in range(5)} == {17}


def test_a_stopped_run_goes_on_from_whole_rows_of_the_same_settings(tmp_path):
    path = tmp_path / "rows.jsonl"
    rows = [_row(1), _row(2) | {"settings": SETTINGS | {"depth": True}}, _row(3), _row(4)]
    path.write_text("\n".join(json.dumps(row) for row in rows)[:-5])
    measured = []
    measure_pieces(
        lambda seed, settings: measured.append(seed) or {}, {n: (n,) for n in (1, 2, 3, 4)}, path, settings=SETTINGS
    )
    assert measured == [2, 4]
    assert path.read_text().endswith("\n")


def test_the_table_names_the_worst_scene_and_counts_errors_by_code():
    failed = {"piece": 9, "settings": SETTINGS, "error": "no person", "code": "NO_ACTOR"}
    text = table([_row(1), _row(2, wrist_mm=50.0, contact_f1=0.2), failed], SETTINGS)
    lines = {line.split()[0]: line.split() for line in text.splitlines()}
    assert text.startswith("2 of 3 scenes lifted, 480x720, 25-49 frames") and "1 NO_ACTOR" in text
    assert lines["wrist_mm"][-2:] == ["50.00", "2"] and lines["contact_f1"][-2:] == ["0.20", "2"]
    assert "1.50 GiB" in text


def test_what_a_repair_costs_is_counted_over_the_repaired_lifts_alone():
    passes = _row(1, object_cm=90.0) | NO_SEAT | {"passes": True, "passes_repaired": True}
    fails = _row(2, object_cm=90.0) | NO_SEAT | {"passes": False, "passes_repaired": False}
    mended = {"passes": False, "passes_repaired": True, "repaired": _row(9, object_cm=9.0)}
    repaired = [_row(seed, object_cm=before) | NO_SEAT | mended for seed, before in ((3, 4.0), (4, 8.0))]
    found = {name: value.value for name, value in verdicts([passes, fails, *repaired, {"code": "NO_ACTOR"}]).items()}
    assert (found["passes"], found["passes_repaired"]) == (1, 3)
    assert (found["object_cm_before_repair"], found["object_cm_after_repair"]) == (6.0, 9.0)


def test_a_seat_counts_as_found_where_there_is_one_and_as_wrong_where_there_is_none():
    seats = [(0.5, 0.45), (0.45, 0.44), (None, 0.4), (0.3, None), (None, None)]
    rows = [
        _row(n) | {"passes": True, "passes_repaired": True, "seat_m": ours, "true_seat_m": true}
        for n, (ours, true) in enumerate(seats)
    ]
    found = {name: value.value for name, value in verdicts(rows).items()}
    assert [found[name] for name in ("seats", "seats_found", "seats_where_none_is")] == [3, 2, 1]
    assert abs(found["seat_height_cm"] - 3.0) < 1e-9
