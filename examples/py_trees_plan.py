"""A leaf of py_trees that calls the planner node; run it with "picks up the [TGT] mug" and the name of a robot."""

import sys

from py_trees.behaviour import Behaviour
from py_trees.common import Status
from py_trees.decorators import Retry

from tavid_planner.ros.client import PlanClient


class Plan(Behaviour):
    """RUNNING while the node plans; SUCCESS with a plan that passed. `path` is its folder."""

    def __init__(self, client: PlanClient, instruction: str, robot: str):
        super().__init__("plan")
        self.client, self.wish, self.seed, self.path = client, {"instruction": instruction, "robot": robot}, 0, ""

    def initialise(self) -> None:
        self.client.send(**self.wish, seed=self.seed)  # image and mask are the latest of the node's topics
        self.seed += 1

    def update(self) -> Status:
        if not self.client.is_done(timeout_s=0.1):
            return Status.RUNNING
        self.path, error = self.client.result().plan_path, self.client.error()
        self.feedback_message = str(error or "the plan passed")
        return Status.FAILURE if error else Status.SUCCESS


with PlanClient() as client:
    client.wait_until_ready(timeout_s=60)
    leaf = Plan(client, *sys.argv[1:])
    tree = Retry("ask again", leaf, num_failures=3)
    while tree.status not in (Status.SUCCESS, Status.FAILURE):
        tree.tick_once()
    print(tree.status.name, leaf.path, leaf.feedback_message)
