"""The VAE of CogVideoX on a CPU: the same results in less time and memory, with the same weights.

- PyTorch runs `conv3d` on CPUs through an unblocked im2col; `conv2d` goes through oneDNN, fastest with channels last.
  A 3D convolution is the sum over its temporal taps of 2D convolutions.
- The decoder's norms are modulated by 1x1x1 convolutions of the latent, which diffusers runs after it has enlarged the
  latent to the layer's size. Nearest-neighbour enlargement commutes with them, so they run at the latent's size.
"""

# pyright: reportAttributeAccessIssue=false
# methods of diffusers' modules are replaced, and a module's attributes are "Tensor | Module"

import torch
import torch.nn.functional as F
from torch import nn


def speed_up_vae(vae: nn.Module) -> nn.Module:
    """Replace every plain 3D convolution and latent-conditioned norm of a CogVideoX VAE by a fast one, in place."""
    from diffusers.models.autoencoders.autoencoder_kl_cogvideox import CogVideoXSpatialNorm3D

    for layer in vae.modules():
        if isinstance(layer, nn.Conv3d) and layer.groups == 1 and layer.dilation == (1, 1, 1):
            layer.forward = _Conv3dAs2d(layer)
        elif isinstance(layer, CogVideoXSpatialNorm3D):
            layer.forward = _SmallSpatialNorm(layer)
    return vae


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
            rows = rows.contiguous(memory_format=torch.channels_last)
            weight = layer.weight[:, :, tap].contiguous(memory_format=torch.channels_last)
            part = F.conv2d(rows, weight, layer.bias if tap == 0 else None, layer.stride[1:], (pad_h, pad_w))
            out = part if out is None else out + part
        return out.unflatten(0, (batch, frames)).transpose(1, 2)


class _SmallSpatialNorm:
    def __init__(self, layer: nn.Module):
        self.layer = layer

    def __call__(self, f: torch.Tensor, zq: torch.Tensor, conv_cache=None):  # features, latent: (B, C, T, H, W)
        layer, size = self.layer, f.shape[-3:]
        scale, shift = (_enlarge(conv.conv(zq), size) for conv in (layer.conv_y, layer.conv_b))
        return torch.addcmul(shift, layer.norm_layer(f), scale), {}  # kernels of one frame need no cache


def _enlarge(z: torch.Tensor, size) -> torch.Tensor:
    """Nearest-neighbour enlargement; of an odd number of frames the first is handled alone, as in diffusers."""
    frames, height, width = size
    if frames == 1 or frames % 2 == 0:
        return F.interpolate(z, size=size)
    first, rest = (
        F.interpolate(z[:, :, :1], size=(1, height, width)),
        F.interpolate(z[:, :, 1:], size=(frames - 1, height, width)),
    )
    return torch.cat([first, rest], dim=2)
