"""The table of best-of-K: what counts as right."""

from benchmarks.best_of import table


def case(index: int, *outcomes) -> dict:
    """A case whose plans for K = 1, 2, 4, 8 are (verdict, outcome) each, or None."""
    chosen = {str(k): o and dict(zip(("verdict", "outcome"), o)) for k, o in zip((1, 2, 4, 8), outcomes)}
    sample = {"verdict": "FAIL", "outcome": "hit", "failed": ["balance"], "alignment": 0.2, "margin": -1.0, "error": ""}
    return {"class": "far", "index": index, "chosen": chosen, "samples": [sample]}


def test_only_pass_at_the_right_target_counts_and_the_gain_is_that_of_four():
    missed, wrong, failed, right = None, ("PASS", "wrong"), ("FAIL", "hit"), ("PASS", "hit")
    lines = table([case(0, missed, wrong, right, right), case(1, failed, failed, wrong, right)]).splitlines()
    first_cells = [line.split()[:2] for line in lines[2:6]]
    assert first_cells == [["1", "0.00"], ["2", "0.00"], ["4", "0.50"], ["8", "1.00"]]
    assert "+50 points" in lines[6] and "balance 2" in lines[-1]
