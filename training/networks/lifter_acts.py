"""Motion of the wider world for training the lifter, without pictures: people walk up, reach, and then put back, carry
away, drink, sit down, stand up, cross their legs, put a foot on a stool, take with both hands, or step up."""

import numpy as np

from training.networks.lifter_motion import CLIP_SECONDS, FRAMES, Clip
from training.scenes.acting import sample_act, sample_plot
from training.scenes.figure import sample_figure
from training.scenes.layout import Crowded
from training.scenes.reach import Unreachable
from training.scenes.scene import HELD_OUT_SEED, free_body

VERSION = 3
"""Of the wider world, that the committed weights were trained on; a later one has more kinds."""
ACT_SECONDS = (3.2, 6.2)
CUTS_OF_AN_ACT = 3


def acts(count: int, seed: int = 0):
    """Yields `count` clips, cut from acts of people in the wider world's own rooms, in streams that no scene uses."""
    rng, body, done = np.random.default_rng([seed, HELD_OUT_SEED, 6]), free_body(), 0
    while done < count:
        figure, plot = sample_figure(body, rng), sample_plot(rng, None, VERSION)
        frames = round(rng.uniform(*ACT_SECONDS) * FRAMES / CLIP_SECONDS)
        try:
            act = sample_act(plot, rng, body, figure, frames).done
        except (Unreachable, Crowded):
            continue
        for start in rng.integers(frames - FRAMES + 1, size=CUTS_OF_AN_ACT)[: count - done]:
            cut = slice(start, start + FRAMES)
            done += 1
            yield Clip(act.pose_rad[cut], act.transl_m[cut], figure.betas)
