"""Execution: what happened when a robot's motion was carried out in physics."""

from dataclasses import dataclass

import numpy as np

WEAK_SHARE = 0.2  # of the time at its limit of force, from which a motor is named
STAGES = ("reach", "touch", "grasp", "lift", "place")


@dataclass(frozen=True)
class Execution:
    """What the robot and the object did.

    Attributes:
        robot, object_name: who and what; kind: of the task, "touch", "slide" or "lift".
        why_not: why the task was not done, in words; empty when it was.
        stages: those of STAGES that were reached. `place` is the task done; a touch has no grasp and no lift.
        reach_error_m: nearest that the gripper came to the object before it first moved.
        place_error_m: of the object at the end, from where it should be; turn_error_rad: of its turn.
        slip_m: how far the object slid in the gripper while that held it; 0 when it never did.
        joint_error_rad: greatest distance of a joint from where it should be (m for one that slides).
        saturated: joint -> share of the time in which its motor was at its limit; joints that never were are left out.
        collisions: what hit what -> greatest force, N; the gripper on the object is none.
        seconds: length of what was carried out; T_world_object: (S, 4, 4) the object over time; fps: of that path.
        notes: what a reader should know, a sentence each.
    """

    robot: str
    object_name: str
    kind: str
    why_not: str
    stages: tuple[str, ...]
    reach_error_m: float
    place_error_m: float
    turn_error_rad: float
    slip_m: float
    joint_error_rad: float
    saturated: dict[str, float]
    collisions: dict[str, float]
    seconds: float
    T_world_object: np.ndarray
    fps: float
    notes: tuple[str, ...] = ()

    @property
    def done(self) -> bool:
        return not self.why_not

    @property
    def stage(self) -> str:
        """The furthest stage, or "none"."""
        return self.stages[-1] if self.stages else "none"

    def facts(self) -> dict:
        """Everything but the path, as plain numbers and strings for a file."""
        left_out = {"T_world_object", "fps", "stages", "notes"}
        told = {name: value for name, value in vars(self).items() if name not in left_out}
        return told | {"done": self.done, "stage": self.stage, "stages": list(self.stages), "notes": list(self.notes)}

    def sentence(self) -> str:
        """In one line for a person."""
        act = {"touch": "touches", "slide": "moves", "lift": "lifts and carries"}[self.kind]
        end = f"{self.object_name!r} {1000 * self.place_error_m:.0f} mm from its place"
        hits = f"; hits: {', '.join(sorted(self.collisions))}" if self.collisions else ""
        if self.done:
            return f"in physics {self.robot} {act} it: {end}{hits}"
        weak = [name for name, share in self.saturated.items() if share > WEAK_SHARE]
        at_limit = f"; at their limit of force: {', '.join(weak)}" if weak else ""
        return f"in physics {self.robot} does not: {self.why_not} (stage: {self.stage}), {end}{hits}{at_limit}"
