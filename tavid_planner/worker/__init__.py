"""A planner in a process of its own, which can be killed at any moment without harm to its parent.

`supervisor` is the entry point: `PlanWorker` has a planner's methods and manages the process. `process` runs in it.
"""
