"""Muon: momentum whose matrices are orthogonalised (Jordan et al. 2024), here for convolution kernels.

`torch.optim.Muon` takes matrices only; a kernel (out, in, ...) is the matrix (out, in * ...) here.
"""

import torch

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)


class Muon(torch.optim.Optimizer):
    """For parameters with two or more axes; biases and norms belong to AdamW.

    Args:
        dtype: the orthogonalisation's arithmetic; it needs few digits.
    """

    def __init__(
        self,
        parameters,
        lr: float,
        momentum: float = 0.9,
        weight_decay: float = 0.01,
        dtype: torch.dtype = torch.float32,
    ):
        super().__init__(parameters, dict(lr=lr, momentum=momentum, weight_decay=weight_decay))
        self._dtype = dtype

    @torch.no_grad()
    def step(self, closure=None) -> None:
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self.state[parameter]
                if "momentum" not in state:
                    state["momentum"] = torch.zeros_like(parameter)
                state["momentum"].mul_(group["momentum"]).add_(parameter.grad)
                update = parameter.grad + group["momentum"] * state["momentum"]
                update = orthogonalised(update.flatten(1).to(self._dtype)).to(parameter.dtype).view_as(parameter)
                parameter.mul_(1 - group["lr"] * group["weight_decay"]).add_(update, alpha=-group["lr"])


def orthogonalised(matrix: torch.Tensor, iterations: int = 5) -> torch.Tensor:
    """The nearest semi-orthogonal matrix, roughly, scaled so that its entries are about 0.2 (as Adam's updates)."""
    a, b, c = NEWTON_SCHULZ
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if tall else matrix
    x = x / (x.norm() + 1e-7)
    for _ in range(iterations):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return (x.T if tall else x) * (0.2 * max(matrix.shape) ** 0.5)
