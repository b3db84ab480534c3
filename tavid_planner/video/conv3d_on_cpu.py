"""3D convolutions as sums of 2D ones: the same numbers, faster on a CPU.

PyTorch runs `conv3d` on CPUs through an unblocked im2col; `conv2d` goes through oneDNN. A 3D convolution is the sum
over its temporal taps of 2D convolutions, so the VAE of CogVideoX gains the faster path without new weights.
"""

import torch
import torch.nn.functional as F
from torch import nn


def use_2d_convolutions(module: nn.Module) -> nn.Module:
    """Let every plain 3D convolution in `module` (a CogVideoX VAE) run as 2D ones; in place, weights untouched."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv3d) and layer.groups == 1 and layer.dilation == (1, 1, 1):
            layer.forward = _Conv3dAs2d(layer)
    return module


class _Conv3dAs2d:
    def __init__(self, layer: nn.Conv3d):
        self.layer = layer

    def __call__(self, x: torch.Tensor) -> torch.Tensor:  # (B, C, T, H, W) -> (B, C', T', H', W')
        layer = self.layer
        if layer.padding_mode != "zeros" or isinstance(layer.padding, str):
            return layer._conv_forward(x, layer.weight, layer.bias)
        pad_t, pad_h, pad_w = layer.padding
        if pad_t:
            x = F.pad(x, (0, 0, 0, 0, pad_t, pad_t))
        taps, stride = layer.kernel_size[0], layer.stride[0]
        batch, frames = x.shape[0], (x.shape[2] - taps) // stride + 1
        x = x.transpose(1, 2)  # (B, T, C, H, W)
        out = None
        for tap in range(taps):
            rows = x[:, tap : tap + (frames - 1) * stride + 1 : stride].flatten(0, 1)
            bias = layer.bias if tap == 0 else None
            part = F.conv2d(rows, layer.weight[:, :, tap], bias, layer.stride[1:], (pad_h, pad_w))
            out = part if out is None else out + part
        return out.unflatten(0, (batch, frames)).transpose(1, 2)
