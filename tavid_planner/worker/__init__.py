"""A planner in a process of its own: it can be ended at any moment, and its end harms nobody else.

`supervisor` is the door: `PlanWorker` has the methods of a planner and keeps the process. `process` is what runs there.
"""
