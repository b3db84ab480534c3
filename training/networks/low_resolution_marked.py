"""Train the keypoint network that is told whose keypoints are meant, on clips with two people.

python -m training.networks.low_resolution_marked --scenes runs/company --cache runs/cache-company \
    --adapter models/matrix-mini --out hoi_motion/keypoints/weights/low_resolution_marked.safetensors

It goes on from the network that knows one person (training/networks/low_resolution.py); its fourth channel, the
person's mask in the first frame, counts nothing at first. Clips are shown in the same two forms as there: as they are,
and as the video model gives them back from noise, here the adapter that knows two people. No seed is a held-out one.
"""

import sys
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from tqdm import tqdm

from hoi_motion.errors import ErrorCode, InputError
from hoi_motion.keypoints.low_resolution import CELL_PX, WEIGHTS, LowResolutionNetwork
from hoi_motion.reading.untrusted import reading
from hoi_motion.scripts.command import command_parser, run_command
from hoi_motion.scripts.outputs import OutFile
from training.arguments import given_path, positive, positive_number
from training.bench.told_apart import load_pairs
from training.data.encoded_clip import CacheSettings
from training.intergeneval.truth import people_of
from training.models import load_vae
from training.networks.half_weights import read_half, save_half
from training.networks.low_resolution import KeypointClips, given_back, judged, train, true_points_px
from training.scenes.clip_file import load_clip
from training.scenes.scene import SceneSample


def scene_of(folder: Path, name: str, settings: CacheSettings) -> SceneSample:
    """The scene of an encoded clip, as it was encoded: pictures of a scene and of its cache are compared by pixels.

    Raises:
        InputError: FILE_INVALID when it is missing or damaged, CONFIG_INVALID when it was encoded in another size.
    """
    with reading(folder / name, "the scene of an encoded clip", hint="give the folder that the cache was made of"):
        scene = load_clip(folder / name)
    there, encoded = (*scene.frames.shape[:3], scene.fps), (settings.num_frames, settings.height, settings.width)
    if there != (*encoded, settings.fps):
        given, wanted = ("{} frames of {}x{} px at {:g} a second".format(*v) for v in (there, (*encoded, settings.fps)))
        told = f"{folder / name} has {given}, it was encoded as {wanted}"
        raise InputError(ErrorCode.CONFIG_INVALID, told, "encode the scenes in their own size, length and rate")
    return scene


def load_clips(scenes: list[Path], caches: list[Path], adapter: str, base: str, count: int) -> KeypointClips:
    """Up to `count` clips of each folder of scenes, spread over it, encoded in the cache at its place of `caches`."""
    vae, rng = load_vae(Path(base)), np.random.default_rng(7)
    frames, points, clip, whose = [], [], [], []
    for folder, cache in zip(scenes, caches, strict=True):
        task = load_pairs(adapter, base, str(cache))
        for row in tqdm(_spread(len(task.cache), count), desc=str(folder), unit="clip", mininterval=5):
            scene = scene_of(folder, task.cache[row].name, task.cache.settings)
            for person in people_of(scene):
                points.append(torch.from_numpy(true_points_px(scene, person)).float())
                clip.append(len(frames))
                whose.append(torch.from_numpy(scene.instance_ids[0] == person))
            back = given_back(task, vae, task.clips([row], (), rng), vae.config["scaling_factor"], rng)[0]
            frames.append(torch.stack([torch.from_numpy(scene.frames), back]))
    return KeypointClips(torch.stack(frames), torch.stack(points), torch.tensor(clip), torch.stack(whose))


def start_weights() -> dict[str, torch.Tensor]:
    """Those of the network that knows one person, with a channel for the mark that counts nothing yet."""
    weights = {name: value.float() for name, value in load_file(WEIGHTS).items()}
    weights["down.0.weight"] = F.pad(weights["down.0.weight"], (0, 0, 0, 0, 0, CELL_PX**2))
    return weights


def _spread(length: int, count: int) -> list[int]:
    return np.unique(np.linspace(0, length - 1, min(count, length)).round().astype(int)).tolist()


def main(argv: list[str] | None = None) -> int:
    return run_command(_train_marked, argv)


def _train_marked(argv: list[str]) -> int:
    parser = command_parser("training.networks.low_resolution_marked", __doc__.splitlines()[0])
    parser.add_argument(
        "--scenes", type=given_path, nargs="+", required=True, help="clips of training.scenes --company"
    )
    parser.add_argument("--cache", type=given_path, nargs="+", required=True, help="the same, by training.data.cache")
    parser.add_argument("--adapter", default="models/matrix-mini", help="video adapter that knows two people")
    parser.add_argument("--base", default="models/tavid-mini", help="its video model")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--out", type=OutFile, help="safetensors file to write")
    what.add_argument("--judge", type=given_path, metavar="FILE", help="only judge these weights on the clips")
    parser.add_argument("--clips", type=positive, default=800, help="of each folder")
    parser.add_argument("--steps", type=positive, default=1500)
    parser.add_argument("--batch", type=positive, default=6)
    parser.add_argument("--rate", type=positive_number, default=2e-3)
    arguments = parser.parse_args(argv)
    if len(arguments.scenes) != len(arguments.cache):
        parser.error("--scenes and --cache go in pairs: give a cache of each folder of scenes, in their order")
    start = time.perf_counter()
    clips = load_clips(arguments.scenes, arguments.cache, arguments.adapter, arguments.base, arguments.clips)
    if arguments.judge:
        network = LowResolutionNetwork(4)
        read_half(network, arguments.judge)
        print("\n".join(judged(network.eval(), clips)))
        return 0
    network = train(clips, arguments.steps, arguments.batch, arguments.rate, start=start_weights())
    save_half(network, Path(arguments.out), start)
    return 0


if __name__ == "__main__":
    sys.exit(main())
