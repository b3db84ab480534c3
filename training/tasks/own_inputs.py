"""Training on what the model's own denoising gives, as the sampler will.

Noise on true clips tells more of them than the sampler's latents do after a first step: what the model got wrong there
it takes for true at the next one, and errors grow from step to step (exposure bias; Ning et al. 2023). Here the model
denoises from pure noise by itself, without gradients, and learns at the step that it has come to what the clip is.
"""

from typing import TYPE_CHECKING

import torch

from training.objectives.few_steps import one_step_target, stepped

if TYPE_CHECKING:
    from training.tasks.diffusion import DiffusionBatch, DiffusionTask

SAMPLERS = ("ddim", "euler")  # deterministic ones, whose steps `stepped` makes; a kind of pipeline has one of them


def deterministic_sampler(schedulers: dict[str, type]) -> str:
    """The name of the deterministic one of a pipeline's samplers."""
    return next(name for name in SAMPLERS if name in schedulers)


def sampler_times(schedulers: dict[str, type], noise_scheduler, steps: int) -> list[float]:
    """Timesteps of that sampler in so many steps, from pure noise on, for what is trained with `noise_scheduler`."""
    schedule = schedulers[deterministic_sampler(schedulers)].from_config(noise_scheduler.config)
    schedule.set_timesteps(steps)
    return schedule.timesteps.tolist()


@torch.no_grad()
def after_own_steps(task: "DiffusionTask", batch: "DiffusionBatch") -> "DiffusionBatch":
    """The batch as it is at the last of its own times, reached by denoising from the first; there it has pure noise."""
    scheduler, parts = task.noise_scheduler, batch.parts
    for before, after in zip(batch.own_times, batch.own_times[1:]):
        noisy = stepped(scheduler, parts.noisy, task.predict(batch).float(), before, after)
        parts = parts._replace(noisy=noisy.to(parts.noisy))
        target, scale = one_step_target(scheduler, parts.noisy, parts.clean, after, None)
        times = torch.full((len(noisy),), after, device=noisy.device)
        batch = batch._replace(
            inputs=task.backbone.inputs(parts.noisy, parts.image, parts.condition, parts.has_image),
            timesteps=task.backbone.frame_times(times, noisy.shape[1], parts.has_image),
            target=target.to(parts.clean),
            scale=scale,
            parts=parts,
        )
    # older versions of torch would go on with the weights as cast here, which then get no gradient
    torch.clear_autocast_cache()
    return batch
