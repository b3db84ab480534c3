"""Several processes that train one model: `torchrun --nproc-per-node 2 -m training.train_vae ...`.

On a CPU two processes of one thread do more steps than one process of two threads.
"""

import os

import torch


def join_processes() -> int:
    """Join the processes that torchrun started, if any; this one's rank."""
    if int(os.environ.get("WORLD_SIZE", 1)) > 1:
        torch.distributed.init_process_group("gloo")
    return int(os.environ.get("RANK", 0))


def agreed_clock(elapsed_s: float) -> float:
    """The first process's clock, so that all make the same steps."""
    if not torch.distributed.is_initialized():
        return elapsed_s
    clock = torch.tensor([elapsed_s], dtype=torch.float64)
    torch.distributed.broadcast(clock, 0)
    return float(clock)


def average_gradients(parameters) -> None:
    """Replace every gradient by its mean over the processes, in place."""
    if not torch.distributed.is_initialized():
        return
    for p in parameters:  # a batch without supervised rows leaves some untouched
        if p.grad is None:
            p.grad = torch.zeros_like(p)
    flat = torch.cat([p.grad.reshape(-1) for p in parameters])
    torch.distributed.all_reduce(flat)
    flat /= torch.distributed.get_world_size()
    for p, part in zip(parameters, flat.split([p.numel() for p in parameters])):
        p.grad.copy_(part.view_as(p))
