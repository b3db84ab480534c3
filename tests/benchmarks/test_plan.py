from benchmarks.plan import table, values

PLAN = {"load": 2.0, "video": 10.0, "lift": 5.0, "check": 0.5, "save": 1.0, "whole": 18.5, "peak_gib": 1.5}


def test_the_table_has_the_first_plan_and_the_median_of_the_others():
    text = table([PLAN, PLAN | {"video": 8.0}, PLAN | {"video": 6.0}, PLAN | {"video": 7.0}], "mini")
    assert "| video | 10.0 s | 7.0 s |" in text
    assert "median of 3" in text and "| peak memory | 1.50 GiB | 1.50 GiB |" in text


def test_one_plan_is_a_table_too():
    assert "| whole | 18.5 s |" in table([PLAN], "mini")


def test_the_result_has_the_first_plan_and_the_median_of_the_others():
    found = values([PLAN, PLAN | {"whole": 8.0}, PLAN | {"whole": 6.0}, PLAN | {"whole": 7.0}])
    assert found["whole"].value == 18.5 and found["later_whole"].value == 7.0
    assert "later_whole" not in values([PLAN])
