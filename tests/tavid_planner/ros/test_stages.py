"""Times per stage and how often a client hears of them."""

from tavid_planner.ros import stages
from tavid_planner.ros.stages import StageClock


class Clock:
    def __init__(self, monkeypatch):
        self.now_s = 0.0
        monkeypatch.setattr(stages.time, "perf_counter", lambda: self.now_s)


def test_every_stage_gets_the_time_until_the_next_begins(monkeypatch):
    time = Clock(monkeypatch)
    clock = StageClock()
    for stage, begins_s in (("video", 1.0), ("lift", 4.0), ("save", 4.5)):
        time.now_s = begins_s
        clock(stage, 0.0)
    time.now_s = 6.0
    assert clock.times_s() == {"video": 3.0, "lift": 0.5, "save": 1.5}
    assert (clock.stage, clock.elapsed_s) == ("save", 6.0)


def test_asking_in_the_middle_does_not_count_twice(monkeypatch):
    time = Clock(monkeypatch)
    clock = StageClock()
    clock("video", 0.0)
    for now_s in (1.0, 2.0):
        time.now_s = now_s
        assert clock.times_s() == {"video": now_s}


def test_reports_are_few_but_no_stage_is_missed(monkeypatch):
    time, heard = Clock(monkeypatch), []
    clock = StageClock(lambda stage, fraction, elapsed_s: heard.append((stage, fraction)))
    for k in range(1000):
        time.now_s = k * 0.001
        clock("video", k / 1000)
    clock("video", 1.0)
    clock("lift", 0.0)
    assert len(heard) <= 13
    assert heard[0] == ("video", 0.0) and heard[-2:] == [("video", 1.0), ("lift", 0.0)]
