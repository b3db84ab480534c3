"""LoRA trained in the weights that it changes: for a model so small that the factors cost more than the weights."""

import torch
from peft.tuners.lora import Linear

from tavid_planner.errors import ErrorCode, InputError


class MergedLora:
    """The LoRA of a transformer, added to the weights under it, which are what is trained from here on.

    A step then multiplies by one matrix a layer instead of three. What is written is a LoRA all the same: how the
    weights have changed since the base, or as much of it as the rank can hold.

    Args:
        transformer: with one LoRA, and the base's weights under it.

    Raises:
        InputError: CONFIG_INVALID for a DoRA, whose magnitudes are no part of such a change.
    """

    def __init__(self, transformer):
        self._layers = _layers(transformer)
        if any(layer.lora_magnitude_vector for layer in self._layers):
            raise InputError(
                ErrorCode.CONFIG_INVALID, "option merged is true, but what it starts from is a DoRA", "set it to false"
            )
        self._base = []
        for layer in self._layers:
            for parameter in layer.parameters():
                parameter.requires_grad_(False)
                parameter.data = parameter.data.float()
            weight = layer.get_base_layer().weight
            self._base.append(weight.detach().clone())
            layer.merge()
            weight.requires_grad_(True)

    @torch.no_grad()
    def factor(self) -> float:
        """Write the change into the LoRA's factors by its largest singular values; the share of its squares left out.

        The nearest matrix of a rank has these (Eckart & Young 1936); both factors get the root of each.
        """
        squares = left_out = 0.0
        for layer, base in zip(self._layers, self._base, strict=True):
            [name] = layer.lora_A
            change = (layer.get_base_layer().weight - base).double() / layer.scaling[name]
            left, values, right = torch.linalg.svd(change, full_matrices=False)
            rank = min(layer.r[name], len(values))
            root = values[:rank].sqrt()
            down, up = layer.lora_A[name].weight, layer.lora_B[name].weight
            down.zero_()[:rank] = (root[:, None] * right[:rank]).to(down)
            up.zero_()[:, :rank] = (left[:, :rank] * root).to(up)
            squares += float(values.square().sum())
            left_out += float(values[rank:].square().sum())
        return left_out / squares if squares else 0.0


def grow(transformer, rank: int) -> None:
    """Give the only LoRA of a transformer a larger rank, at the same scale: what it does is unchanged at first.

    Raises:
        InputError: CONFIG_INVALID when its layers have several ranks.
    """
    [(name, config)] = transformer.peft_config.items()
    if len({layer.r[name] for layer in _layers(transformer)}) > 1:
        raise InputError(
            ErrorCode.CONFIG_INVALID, "the layers of what it starts from have several ranks", "leave the rank as it is"
        )
    for layer in _layers(transformer):
        before, more = layer.r[name], rank - layer.r[name]
        down, up = layer.lora_A[name], layer.lora_B[name]
        new = torch.randn(more, down.in_features) / rank  # as peft's "gaussian"
        down.weight.data = torch.cat([down.weight.data, new.to(down.weight)])
        up.weight.data = torch.cat([up.weight.data, up.weight.new_zeros(up.out_features, more)], 1)
        down.out_features = up.in_features = layer.r[name] = rank
        layer.lora_alpha[name] *= rank / before
    config.lora_alpha *= rank / config.r
    config.alpha_pattern = {name: alpha * rank / config.r for name, alpha in config.alpha_pattern.items()}
    config.r = rank


def _layers(transformer) -> list[Linear]:
    return [module for module in transformer.modules() if isinstance(module, Linear)]
