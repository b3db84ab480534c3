"""Keypoint networks of our own for small, blurred pictures of people, such as the mini model makes.

Detectors made for photographs find no hand in a smear of a few pixels. These were trained on procedural scenes as a
video model reconstructs them (`training/networks/low_resolution.py`). They look at the whole clip at once and see no
instruction. One knows pictures of one person; the other is told by a mask of the first frame whose keypoints are meant.
"""

from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from hoi_motion.keypoints import model_points as km
from hoi_motion.keypoints import track as kp
from hoi_motion.progress import silent

WEIGHTS = Path(__file__).parent / "weights" / "low_resolution.safetensors"
MARKED_WEIGHTS = WEIGHTS.with_name("low_resolution_marked.safetensors")
NUM_BODY = len(km.BODY_KEYPOINTS)
TIPS = (4, 8, 12, 16, 20)
# the body's keypoints, then the finger tips of the left hand and of the right one
POINTS_MATRIX = np.concatenate([km.BODY_MATRIX, km.LEFT_HAND_MATRIX[TIPS, :], km.RIGHT_HAND_MATRIX[TIPS, :]])  # (N, 76)
NUM_POINTS = len(POINTS_MATRIX)
# pictures are brought to this height; both sides are then multiples of CELL_PX * 8
HEIGHT_PX = 96
# of the network's picture, in one cell of the maps
CELL_PX = 2
# how much of a keypoint's map must lie so near to its peak, in cells, for full confidence
NEAR_CELLS = 2
FRAMES_AT_ONCE = 64
# a person is seen with this many body points this sure: noise never has more than two, a blurred person 13 or more
SEEN_SURE = 0.6
SEEN_POINTS = 8
# what a point between two others counts
BETWEEN = 0.3


class LowResolutionNetwork(nn.Module):
    """(B, T, C, H, W) in -1..1 -> logits (B, T, N, h * w + 1) of where each of POINTS_MATRIX is.

    Cells are CELL_PX wide, row by row; the last logit stands for outside the picture. A fourth channel says whose
    keypoints are meant: 1 where that person is in the first frame, else 0, the same for all frames.
    """

    def __init__(
        self, channels: int = 3, widths: tuple[int, ...] = (32, 64, 128, 160), dilations: tuple[int, ...] = (1, 2, 4)
    ):
        super().__init__()
        enter = [channels * CELL_PX**2, *widths[:-1]]
        self.down = nn.ModuleList(
            nn.Conv2d(a, b, 3, stride=1 if i == 0 else 2, padding=1) for i, (a, b) in enumerate(zip(enter, widths))
        )
        self.see = nn.ModuleList(_Block(w) for w in widths)
        self.over_time = nn.ModuleList(nn.Conv1d(widths[-1], widths[-1], 3, dilation=d, padding=d) for d in dilations)
        self.up = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in zip(widths[:-1], widths[1:]))
        self.join = nn.ModuleList(_Block(w) for w in widths[:-1])
        self.leave = nn.Conv2d(widths[0], NUM_POINTS, 1)
        self.outside = nn.Linear(widths[-1], NUM_POINTS)

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        B, T = clips.shape[:2]
        x = F.pixel_unshuffle(clips.flatten(0, 1), CELL_PX).contiguous(memory_format=torch.channels_last)
        levels = []
        for down, see in zip(self.down, self.see):
            x = see(down(x))
            levels.append(x)
        x = self._mixed(x, T)
        outside = self.outside(x.mean((2, 3)))
        for up, join, level in zip(reversed(self.up), reversed(self.join), reversed(levels[:-1])):
            x = join(level + F.interpolate(up(x), scale_factor=2, mode="bilinear"))
        logits = torch.cat([self.leave(x).flatten(2), outside[..., None]], -1)
        return logits.unflatten(0, (B, T)).float()

    def _mixed(self, x: torch.Tensor, T: int) -> torch.Tensor:
        """Adds what other frames show at the same place."""
        _, C, h, w = x.shape
        lines = x.unflatten(0, (-1, T)).permute(0, 3, 4, 2, 1).reshape(-1, C, T)
        for mix in self.over_time:
            lines = lines + F.silu(mix(lines))
        mixed = lines.reshape(-1, h, w, C, T).permute(0, 4, 3, 1, 2).reshape(x.shape)
        return mixed.contiguous(memory_format=torch.channels_last)


class _Block(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.norm = nn.GroupNorm(8, width)
        self.first, self.second = (nn.Conv2d(width, width, 3, padding=1) for _ in range(2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.second(F.silu(self.first(F.silu(self.norm(x)))))


class LowResolutionKeypoints:
    """The person under `actor_mask`, in whose place they stay; without one, the only person, large in the picture.

    `near_px` is ignored.
    """

    def detect(self, frames, *, near_px=None, actor_mask=None, on_progress=silent, cancel=None) -> kp.KeypointTrack:
        clip = _network_pictures(frames)
        network = _network(actor_mask is not None)
        if actor_mask is not None:
            clip = torch.cat([clip, network_mark(torch.from_numpy(np.array(actor_mask, bool)), clip)], 1)
        found = []
        for start in range(0, len(clip), FRAMES_AT_ONCE):
            if cancel is not None:
                cancel.raise_if_cancelled()
            part = clip[start : start + FRAMES_AT_ONCE]
            with torch.inference_mode():
                found.append(read_maps(network(part[None])[0], part.shape[-1]))
            on_progress("keypoints", min(1.0, (start + len(part)) / len(clip)))
        points = torch.cat(found).double().numpy()
        points[..., :2] = (points[..., :2] + 0.5) * (np.array(frames.shape[2:0:-1]) / clip.shape[:-3:-1]) - 0.5
        body = np.zeros((len(frames), kp.NUM_BODY, 3))
        body[:, list(km.BODY_KEYPOINTS)] = points[:, :NUM_BODY]
        seen = (points[:, :NUM_BODY, 2] >= SEEN_SURE).sum(1) >= SEEN_POINTS
        hands = [_hand(body, tips, side) for side, tips in enumerate(np.split(points[:, NUM_BODY:], 2, axis=1))]
        return kp.completed(kp.KeypointTrack(body, *hands, np.zeros_like(body), seen), frames.shape[1:3])


def _hand(body: np.ndarray, tips: np.ndarray, side: int) -> np.ndarray:  # (T, 33, 3), (T, 5, 3) -> (T, 21, 3)
    """A whole hand from wrist, knuckles and tips; points between them are interpolated, with little confidence."""
    wrist, pinky, index, thumb = (body[:, first + side] for first in (kp.L_WRIST, 17, 19, 21))
    hand = np.zeros((len(body), kp.NUM_HAND, 3))
    roots = [thumb] + [index + share * (pinky - index) for share in (0, 1 / 3, 2 / 3, 1)]
    for finger, root in enumerate(roots):
        first, tip = (2, 4) if finger == 0 else (1 + 4 * finger, 4 + 4 * finger)
        for joint in range(first, tip + 1):
            hand[:, joint] = root + (joint - first) / (tip - first) * (tips[:, finger] - root)
    hand[:, 0], hand[:, 1] = wrist, (wrist + thumb) / 2
    hand[..., 2] *= BETWEEN
    for joint, seen in (
        (0, wrist),
        (2, thumb),
        (5, index),
        (17, pinky),
        *((t, tips[:, f]) for f, t in enumerate(TIPS)),
    ):
        hand[:, joint, 2] = seen[:, 2]
    return hand


def _network_pictures(frames: np.ndarray) -> torch.Tensor:  # (T, H, W, 3) u8 -> (T, 3, HEIGHT_PX, w)
    """`network_picture` a part at a time: as floats, pictures of the video's size take four times its memory."""
    parts = (frames[start : start + FRAMES_AT_ONCE] for start in range(0, len(frames), FRAMES_AT_ONCE))
    # a copy: frames may be read-only
    return torch.cat([network_picture(torch.from_numpy(np.array(part))) for part in parts])


def network_picture(frames: torch.Tensor) -> torch.Tensor:  # (T, H, W, 3) u8 -> (T, 3, HEIGHT_PX, w) in -1..1
    """Frames at the size that the network takes: both sides multiples of 8 cells."""
    step = 8 * CELL_PX
    width = max(1, round(frames.shape[2] * HEIGHT_PX / frames.shape[1] / step)) * step
    pictures = frames.permute(0, 3, 1, 2).float() / 127.5 - 1
    if pictures.shape[2:] != (HEIGHT_PX, width):
        pictures = F.interpolate(pictures, (HEIGHT_PX, width), mode="bilinear", antialias=True)
    return pictures


def network_mark(mask: torch.Tensor, pictures: torch.Tensor) -> torch.Tensor:  # (H, W) bool -> (T, 1, h, w)
    """A person's mask of the first frame as the fourth channel of pictures (T, 3, h, w)."""
    small = F.interpolate(mask[None, None].float(), pictures.shape[-2:], mode="bilinear", antialias=True)
    return small.expand(len(pictures), -1, -1, -1)


def read_maps(logits: torch.Tensor, width_px: int) -> torch.Tensor:  # (T, N, h * w + 1) -> (T, N, 3)
    """x, y in the network's pixels and confidence: the share of the map about its peak, and its mean there."""
    columns = width_px // CELL_PX
    maps = logits.softmax(-1)[..., :-1].unflatten(-1, (-1, columns))
    size = 2 * NEAR_CELLS + 1
    mass = F.avg_pool2d(maps, size, 1, NEAR_CELLS, count_include_pad=True) * size**2
    confidence, peak = mass.flatten(2).max(-1)
    row, column = peak // columns, peak % columns
    at = [torch.arange(maps.shape[-2]), torch.arange(columns)]
    near = [(axis - centre[..., None]).abs() <= NEAR_CELLS for axis, centre in zip(at, (row, column))]
    local = maps * near[0][..., None] * near[1][..., None, :]
    total = local.sum((-1, -2)).clamp(min=1e-9)
    x = (local.sum(-2) * at[1]).sum(-1) / total
    y = (local.sum(-1) * at[0]).sum(-1) / total
    return torch.stack([CELL_PX * (x + 0.5) - 0.5, CELL_PX * (y + 0.5) - 0.5, confidence.clamp(max=1)], -1)


@lru_cache(maxsize=2)
def _network(marked: bool) -> LowResolutionNetwork:
    from safetensors.torch import load_file

    network = LowResolutionNetwork(4 if marked else 3)
    weights = load_file(MARKED_WEIGHTS if marked else WEIGHTS)
    network.load_state_dict({name: value.float() for name, value in weights.items()})
    return network.to(memory_format=torch.channels_last).eval().requires_grad_(False)
