"""The table of the check's benchmark: what counts as caught, as a false alarm and as followed."""

from benchmarks import check_people
from benchmarks.check import table
from benchmarks.faults import FAULTS


def row(scene: int, caught: bool, alarm: bool, geometric=None) -> dict:
    planted = {name: {"above": [2.0, caught], "below": [0.2, alarm]} for name in FAULTS}
    return {
        "piece": scene,
        "verb": "touches",
        "geometric": geometric or {},
        "simulated": {},
        "faults": {} if geometric else planted,
        "tracking_mean": 0.02,
        "root_wrench": 0.1,
        "object_follows": 0.01,
        "geometric_s": 1.0,
        "simulated_s": 4.0,
    }


def test_shares_are_over_the_scenes_that_pass():
    text = table([row(0, True, False), row(1, False, True), row(2, True, True, {"balance": "it leans"})], 49, 16.0)
    assert "ground truth: 2/3 PASS" in text and "scene 2: balance: it leans" in text
    assert "caught 50.0%" in text and "false alarms 50.0%" in text
    assert "follows in 3/3" in text and "'touches': within 8 cm in 3/3" in text


def person(group: str, caught: bool, failed=None) -> dict:
    planted = {} if failed else {"leaning": {"above": [2.0, caught], "below": [0.2, False]}}
    return {"piece": f"{group} 0", "group": group, "about": "walks", "geometric": failed or {}, "faults": planted}


def test_the_table_of_people_has_a_line_for_each_group_and_names_what_was_missed():
    rows = [person("wider 1", True), person("wider 1", False), person("recorded", True, {"balance": "it leans"})]
    text = check_people.table(rows)
    assert "wider 1 2/2 1/2 0/2" in " ".join(text.split()) and "recorded 0/1 0/0 0/0" in " ".join(text.split())
    assert "wider 1 0: leaning of strength 2.00 missed" in text and "recorded 0: balance: it leans" in text
    assert check_people.values(rows)["wider_1_caught"].value == 1


def test_development_and_held_out_scenes_are_different_ones():
    seeds = [{job[2] for job in check_people.wider_jobs(half, 3).values()} for half in ("development", "held-out")]
    assert len(seeds[0]) == len(seeds[1]) == 3 and not seeds[0] & seeds[1]
