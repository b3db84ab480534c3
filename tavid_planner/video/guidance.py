"""Classifier-free guidance on the text: its scale at each step."""

import math

GUIDANCE = ("static", "released", "step_index")


def guidance_at(schedule: str, scale: float, step: int, timestep: float, num_steps: int) -> float:
    """The guidance scale of one step.

    The cosine rise over the steps is meant to start at 1 and end at 1 + scale. The public CogVideoX pipelines, and
    the released TaViD inference with them, put the timestep's value where the number of remaining steps belongs.
    """
    if schedule == "static":
        return scale
    remaining = timestep if schedule == "released" else num_steps - step
    return 1 + scale * (1 - math.cos(math.pi * ((num_steps - remaining) / num_steps) ** 5.0)) / 2
