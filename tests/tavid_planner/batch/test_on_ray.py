"""Batches on a Ray of this machine, with a planner that does what the instruction says."""

import pytest

pytest.importorskip("ray", reason="Ray is not installed: pip install 'tavid_planner[ray]'")

from tavid_planner.batch.on_ray import answer_on_ray  # noqa: E402
from tavid_planner.batch.request_list import read_request_list  # noqa: E402
from tavid_planner.batch.results import BatchFolder  # noqa: E402
from tavid_planner.config import load_profile, with_options  # noqa: E402

CONFIG = with_options(load_profile("mini"), ["video.device=cpu", "bundle.film=false"])


def test_ray_gives_every_request_its_result_also_one_whose_process_dies(tmp_path, quick_planner, write_list):
    requests = read_request_list(
        write_list("picks up the [TGT] mug", "dies at the [TGT] mug", "crashes the [TGT] mug", "fails the [TGT] mug")
    )
    results = BatchFolder(tmp_path / "out")
    results.claim(CONFIG, requests)
    names = list(answer_on_ray(requests, CONFIG, results, workers=2, planner=quick_planner))
    assert sorted(names) == ["r0", "r1", "r2", "r3"]
    rows = [results.row(name) for name in sorted(names)]
    assert [row.outcome for row in rows] == ["PASS", "INTERNAL", "INTERNAL", "FAIL"]
    assert "has ended 3 times" in rows[1].words
