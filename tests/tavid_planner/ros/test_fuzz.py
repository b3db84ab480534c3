"""Broken requests through both doors, the short form of benchmarks/fuzz_ros.py."""

from benchmarks.fuzz_ros import fuzz
from tavid_planner_interfaces.action import PlanInteraction as PlanAction
from tavid_planner_interfaces.srv import PlanInteraction as PlanService

REQUESTS = 200
ANSWER_S = 180


def test_every_broken_request_gets_the_code_of_its_fault_and_a_good_one_is_served_afterwards(client, goal):
    def make(kind):
        message = goal(kind=kind)
        # stamps of their own: a fault moves one of them
        message.target_mask.header = type(message.image.header)()
        message.target_mask.header.stamp.sec = message.image.header.stamp.sec = 5000
        return message

    def good() -> str:
        client.send_goal(goal(), ANSWER_S)
        return client.result(ANSWER_S).error_msg

    complaints = fuzz(client, lambda: make(PlanAction.Goal), lambda: make(PlanService.Request), REQUESTS, 1, good)
    assert complaints == []
