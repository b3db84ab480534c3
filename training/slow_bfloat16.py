"""Is bfloat16 slow here? Said before a run that would otherwise take all night.

Processors with units for it (avx512_bf16, amx_bf16, Arm's bf16) multiply bfloat16 faster than single precision; on
others it takes 10 to 200 times as long. Instruction sets have many names and versions of torch differ in which of them
they use, so it is measured.
"""

import logging
import time

import torch

SLOW = 3.0  # times as long; a processor with units for it needs less than single precision does
_SIDE = 256  # of the matrices: large enough that starting the multiplication does not count
_TRIES = 3

logger = logging.getLogger(__name__)


def warn_if_slow(device: torch.device | str, instead: str) -> None:
    """Log a warning when bfloat16 is slow on a device.

    Args:
        instead: what to write to go without it, such as "mixed_precision=no".
    """
    if torch.device(device).type != "cpu":
        return
    times = slowness()
    if times > SLOW:
        logger.warning(
            "this processor takes %.0f times as long with bfloat16 as with single precision: %s", times, instead
        )


def slowness() -> float:
    """How many times as long the processor multiplies matrices in bfloat16 as in single precision."""
    return _seconds(torch.bfloat16) / _seconds(torch.float32)


def _seconds(dtype: torch.dtype) -> float:
    matrix = torch.ones(_SIDE, _SIDE, dtype=dtype)
    tries = []
    for _ in range(1 + _TRIES):  # the first one may set things up
        start = time.perf_counter()
        _ = matrix @ matrix
        tries.append(time.perf_counter() - start)
    return min(tries)
