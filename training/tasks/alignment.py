"""MATRIX's two losses on a transformer that is being trained: what to capture, and what to compare it with."""

from typing import NamedTuple

import torch
from torch import nn

from tavid_planner.errors import ErrorCode, InputError
from tavid_planner.video.attention import MapRequest, PropagationMaps, TextMaps
from training.configuration import AlignmentConfig
from training.objectives.block_choice import parse_block_choice
from training.objectives.mask_alignment import alignment_loss, first_frame_tokens, grounding_masks
from training.objectives.track_decoder import TrackDecoder

WORDS = "words"
INSTANCES = "instances"
LOSSES = {WORDS: "grounding", INSTANCES: "propagation"}  # of which maps each is


class Interactions(NamedTuple):
    """Who does what with what in each clip of a batch.

    Attributes:
        tracks: (B, 2, T, H, W) bool, subject and object, at any resolution that is the tokens' times a power of two.
        words: by clip, the tokens of subject, object and verb.
        known: (B,) bool, clips of which both are known.
    """

    tracks: torch.Tensor
    words: list[tuple[tuple[int, ...], ...]]
    known: torch.Tensor


class InteractionAlignment(nn.Module):
    """The decoders, and the losses by block.

    Attributes:
        blocks: supervised ones, by the maps that they give: WORDS and INSTANCES, without those that have no weight.
        weights: of the losses, by their names.

    Args:
        token_size: (F, h, w) tokens of a clip; track_size: (T, H, W) of its tracks.

    Raises:
        InputError: CONFIG_INVALID for unknown blocks, or tracks that do not fit the tokens.
    """

    def __init__(self, config: AlignmentConfig, num_blocks: int, token_size, track_size, seed: int = 0):
        super().__init__()
        self.config, self.token_size = config, token_size
        parts = {WORDS: config.grounding, INSTANCES: config.propagation}
        parts = {maps: part for maps, part in parts.items() if part.weight}
        self.blocks = {
            maps: parse_block_choice(part.blocks, num_blocks, seed, f"alignment.{LOSSES[maps]}.blocks")
            for maps, part in parts.items()
        }
        self.weights = {LOSSES[maps]: part.weight for maps, part in parts.items()}
        space, time = track_size[1] // token_size[1], (track_size[0] - 1) // max(token_size[0] - 1, 1)
        if (track_size[1], track_size[2]) != (space * token_size[1], space * token_size[2]):
            raise InputError(
                ErrorCode.CONFIG_INVALID,
                f"tracks of {track_size[1]}x{track_size[2]} cells do not fit {token_size[1]}x{token_size[2]} tokens",
                "encode the clips again",
            )
        doubled = 2 ** (max(time, 1).bit_length() - 1)  # by the decoder, stage by stage
        if track_size[0] - 1 != doubled * (token_size[0] - 1):
            raise InputError(
                ErrorCode.CONFIG_INVALID,
                f"tracks of {track_size[0]} frames do not fit {token_size[0]} frames of tokens, of which each after "
                "the first must stand for the same power of two",
                f"encode clips of {doubled * (token_size[0] - 1) + 1} frames",
            )
        names = [WORDS] if config.shared_decoder else list(self.blocks)
        how = dict(channels=config.decoder_channels, shares=config.maps == "attention")
        self.decoders = nn.ModuleDict({n: TrackDecoder(space, max(time, 1), **how) for n in names})

    def requests(self, step: int, interactions: Interactions) -> dict[int, list[MapRequest]]:
        """What to record in each block at a step."""
        wanted: dict[int, list[MapRequest]] = {}
        products = self.config.maps == "products"
        if WORDS in self.blocks:
            words = TextMaps(tuple(interactions.words), self.config.grounding.direction, "all", WORDS, products)
            for block in self.blocks[WORDS].at_step(step):
                wanted.setdefault(block, []).append(words)
        if INSTANCES in self.blocks:
            tokens = torch.stack([first_frame_tokens(t, *self.token_size[1:]) for t in interactions.tracks])
            instances = PropagationMaps(tokens, INSTANCES, products)
            for block in self.blocks[INSTANCES].at_step(step):
                wanted.setdefault(block, []).append(instances)
        return wanted

    def forward(self, maps: dict[str, torch.Tensor], interactions: Interactions) -> dict[str, torch.Tensor]:
        """Losses of captured maps (blocks, B, K, F, h, w): their mean over blocks, decoded, against the tracks."""
        known = interactions.known
        tracks = interactions.tracks[known].float()
        losses = {}
        if WORDS in maps:
            masks = torch.stack([grounding_masks(t, 0, 1) for t in tracks])
            losses[LOSSES[WORDS]] = self._loss(WORDS, maps[WORDS][:, known], masks)
        if INSTANCES in maps:
            losses[LOSSES[INSTANCES]] = self._loss(INSTANCES, maps[INSTANCES][:, known], tracks)
        return losses

    def nothing(self) -> torch.Tensor:
        """Zero, for a batch without known interactions: processes that average gradients wait for those of the
        decoders, too."""
        return 0 * torch.stack([p.sum() for p in self.decoders.parameters()]).sum()

    def _loss(self, name: str, maps: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
        decoder = self.decoders[WORDS if self.config.shared_decoder else name]
        logits = decoder(maps.float().mean(dim=0).flatten(0, 1))
        config = self.config
        return alignment_loss(logits, masks.flatten(0, 1), config.kind, config.bce, config.dice, config.l2)
