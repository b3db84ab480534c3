"""Encoded clips on disk, so that the VAE and the text encoder run once a clip and not once a step.

    python -m training.data.cache --clips DIR --base models/tavid-mini --size 96x144 --frames 17 --out runs/cache

The folder holds shards of tensors (safetensors), `index.jsonl` with one line a finished shard, `skipped.jsonl` with
every clip that was left out and why, and `cache.json` with what all of it depends on. A run that was stopped goes on
after its last finished shard. A later run follows the clips: those whose files have changed are encoded again, those
that are gone count no longer.
"""

import argparse
import hashlib
import json
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from tqdm import tqdm

from hoi_motion.errors import counted
from hoi_motion.files import write_whole
from hoi_motion.lock import only_writer
from hoi_motion.reading.text import read_json
from hoi_motion.reading.untrusted import reading
from tavid_planner.errors import ErrorCode, InputError, TavidError
from tavid_planner.video.memory import checked_device, memory_errors
from tavid_planner.video.model_files import file_sha256, model_folder, weights_digest
from tavid_planner.video.prompt import DEFAULT_TRIGGER
from training.arguments import given_path, positive
from training.claims import refuse_another
from training.data.caption_file import checked_encoding
from training.data.clip import ClipSource
from training.data.encoded_clip import CacheSettings, ClipEncoder, EncodedClip
from training.data.encoders import encoder_digest, encoder_state
from training.data.sources import MODEL_FPS, fitted, load, open_source
from training.json_lines import append_line, drop_cut_line, read_lines
from training.slow_bfloat16 import warn_if_slow


class CacheWriter:
    """Appends shards to a folder, of which it is the only writer.

    Attributes:
        done: fingerprint of every clip that is in it or was left out, by folder of clips and name.

    Raises:
        InputError: CONFIG_INVALID when the folder was made with other settings.
    """

    def __init__(self, folder, settings: CacheSettings, empty_text: torch.Tensor):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / "cache.json"
        if path.is_file():
            there = read_json(path, "the settings of a cache", hint="delete the folder and encode again")
            # caches of older versions have no digest of their encoders: that of the whole base tells as much; nor do
            # they say in what arithmetic they were encoded
            kept = {**asdict(settings), "encoder_state": there.get("encoder_state", "")}
            wanted = {k: v for k, v in kept.items() if k in there or not k.startswith(("encoder_", "dtype"))}
            refuse_another(self.folder, there, wanted, "clips encoded")
        else:
            write_whole(self.folder / "empty_text.safetensors", save({"text": empty_text.half().contiguous()}))
            write_whole(path, json.dumps(asdict(settings), indent=1).encode())
        for partial in self.folder.glob(".*.partial.*"):  # of a run that was killed while it wrote
            partial.unlink(missing_ok=True)
        for file in ("index.jsonl", "skipped.jsonl"):
            drop_cut_line(self.folder / file)
        index, self.done = self.folder / "index.jsonl", {}
        with reading(index, "the index of a cache", hint=f"delete {self.folder} and encode again"):
            lines = read_lines(index)
            # not how many there are: where a damaged line was removed, a later one's shard would be written over
            self.next_shard = 1 + max((_number(line["shard"]) for line in lines if "shard" in line), default=-1)
            for line, row in valid_rows(lines):
                clips, fingerprints = line.get("clips", ""), line.get("fingerprints", [""] * len(line["names"]))
                self.done[clips, line["names"][row]] = fingerprints[row]
        for line in read_lines(self.folder / "skipped.jsonl"):
            self.done[line.get("clips", ""), line["name"]] = line.get("fingerprint", "")

    def add_shard(self, clips: list[EncodedClip], folder: str = "", fingerprints: list[str] | None = None) -> None:
        """Write a shard, then its line in the index: a shard without a line does not count.

        Args:
            folder: of the clips; fingerprints: of each. A clip that is in the cache already is replaced.
        """
        name = f"shard_{self.next_shard:05d}.safetensors"
        tensors = {}
        for field in ("latents", "image_latents", "text"):
            tensors[field] = torch.stack([getattr(c, field) for c in clips]).half().contiguous()
        kept = ["mask", "first_frame", *(f for f in ("tracks", "ids") if getattr(clips[0], f) is not None)]
        for field in kept:
            tensors[field] = torch.stack([getattr(c, field) for c in clips]).contiguous()
        content = save(tensors)
        write_whole(self.folder / name, content)
        append_line(
            self.folder / "index.jsonl",
            {
                "shard": name,
                "sha256": hashlib.sha256(content).hexdigest(),
                "clips": folder,
                "names": [c.name for c in clips],
                "fingerprints": fingerprints or [""] * len(clips),
                "captions": [c.caption for c in clips],
                "trigger_tokens": [list(c.trigger_tokens) for c in clips],
                "words": [c.words for c in clips],
                "pairs": [c.pair for c in clips],
            },
        )
        self.next_shard += 1

    def skip(self, name: str, reason: str, folder: str = "", fingerprint: str = "") -> None:
        line = {"name": name, "reason": reason, "clips": folder, "fingerprint": fingerprint}
        append_line(self.folder / "skipped.jsonl", line)

    def forget(self, folder: str, names: list[str]) -> None:
        """Stop counting clips of a folder, both encoded and left-out ones."""
        if not names:
            return
        gone = {(folder, name) for name in names}
        path = self.folder / "skipped.jsonl"
        lines = read_lines(path)
        kept = [line for line in lines if (line.get("clips", ""), line["name"]) not in gone]
        if len(kept) < len(lines):
            write_whole(path, "".join(json.dumps(line) + "\n" for line in kept).encode())
        append_line(self.folder / "index.jsonl", {"forgotten": names, "clips": folder})
        for key in gone:
            self.done.pop(key, None)


def valid_rows(lines: list[dict]) -> list[tuple[dict, int]]:
    """The clips that an index lists, line and row of each in its order, without those replaced or forgotten later."""
    rows = {}
    for line in lines:
        for name in line.get("forgotten", ()):
            rows.pop((line["clips"], name), None)
        for row, name in enumerate(line.get("names", ())):
            rows.pop((line.get("clips", ""), name), None)
            rows[line.get("clips", ""), name] = line, row
    return list(rows.values())


class ClipCache:
    """Reads what a CacheWriter wrote, clip by clip, from memory-mapped shards.

    Attributes:
        settings: what it was encoded with; empty_text: (L, D), the encoding of no text.
        digest: of all shards that count, in order.

    Raises:
        InputError: FILE_INVALID when the folder is no cache, is empty, or a shard is missing or damaged.
    """

    def __init__(self, folder):
        self.folder = Path(folder)
        try:
            self.settings = CacheSettings(**json.loads((self.folder / "cache.json").read_text()))
            with safe_open(self.folder / "empty_text.safetensors", "pt") as file:
                self.empty_text = file.get_tensor("text").float()
        except (OSError, ValueError, TypeError, SafetensorError) as error:
            raise InputError(
                ErrorCode.FILE_INVALID, f"{folder} is no cache of clips: {error}", "make one with training.data.cache"
            ) from error
        index = self.folder / "index.jsonl"
        with reading(index, "the index of a cache", hint=f"delete {self.folder} and encode again"):
            self._rows = valid_rows(read_lines(index))
            shards = {line["shard"]: line for line, _ in self._rows}
            for line, row in self._rows:
                for column in ("captions", "trigger_tokens", *(["words"] if self.settings.track_px else [])):
                    line[column][row]  # which an index that was cut or edited may lack
            paths = {self.folder / name: line for name, line in shards.items()}
        for path, line in paths.items():
            if not path.is_file() or file_sha256(path) != line["sha256"]:
                raise InputError(
                    ErrorCode.FILE_INVALID,
                    f"{path} is missing or damaged",
                    f"delete {self.folder} and encode again",
                )
        if not self._rows:
            raise InputError(ErrorCode.FILE_INVALID, f"{folder} holds no clips", "see its skipped.jsonl")
        held = "".join(line["sha256"] for line in shards.values())
        if len(self._rows) < sum(len(line["names"]) for line in shards.values()):
            held += " ".join(f"{line['shard']} {row}" for line, row in self._rows)
        self.digest = hashlib.sha256(held.encode()).hexdigest()[:16]
        self._open = {}
        self._pairs: dict[tuple[str, str], list[int]] = {}
        for index, (line, row) in enumerate(self._rows):
            if _pair(line, row):
                self._pairs.setdefault((line.get("clips", ""), _pair(line, row)), []).append(index)

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> EncodedClip:
        line, row = self._rows[index]
        file = self._file(line)
        fields = ("latents", "image_latents", "mask", "first_frame", "text")
        fields += tuple(f for f in ("tracks", "ids") if f in file.keys())
        tensors = {f: file.get_slice(f)[row] for f in fields}
        return EncodedClip(
            **{f: t.float() if t.is_floating_point() else t for f, t in tensors.items()},
            trigger_tokens=tuple(line["trigger_tokens"][row]),
            name=line["names"][row],
            caption=line["captions"][row],
            words=tuple(tuple(group) for group in line["words"][row]) if self.settings.track_px else (),
            pair=_pair(line, row),
        )

    def first_tracks(self, index: int) -> torch.Tensor:
        """(2, 1, H, W) uint8, the first frame's of EncodedClip.tracks, in a cache that keeps them."""
        line, row = self._rows[index]
        return self._file(line).get_slice("tracks")[row, :, :1]

    def _file(self, line: dict):
        if line["shard"] not in self._open:
            self._open[line["shard"]] = safe_open(self.folder / line["shard"], "pt")
        return self._open[line["shard"]]

    @property
    def names(self) -> list[str]:
        return [line["names"][row] for line, row in self._rows]

    @property
    def has_pairs(self) -> bool:
        return any(len(both) > 1 for both in self._pairs.values())

    def partner(self, index: int) -> int | None:
        """The clip that makes a pair with this one, None where none does."""
        line, row = self._rows[index]
        both = self._pairs.get((line.get("clips", ""), _pair(line, row)), ())
        return next((other for other in both if other != index), None)


def _number(shard: str) -> int:
    return int(Path(shard).stem.removeprefix("shard_"))


def _pair(line: dict, row: int) -> str:
    return line["pairs"][row] if "pairs" in line else ""


def fill(writer: CacheWriter, encoder: ClipEncoder, source: ClipSource, shard_size: int, count: int | None) -> None:
    """Encode what is not there yet or has changed; clips that cannot be used are listed with the reason."""
    settings, folder = encoder.settings, str(Path(source.folder).resolve())
    with reading(folder, "a folder of clips that can be listed"):
        names = source.names()
        there = set(names)
        found = {name: source.fingerprint(name) for name in names[:count]}
    # what changed is forgotten before it is encoded again: it may turn out to be unusable, or never be reached
    writer.forget(
        folder,
        [
            name
            for (clips, name), known in writer.done.items()
            if clips == folder and (name not in there or found.get(name, known) != known)
        ],
    )
    waiting = [name for name in found if (folder, name) not in writer.done]
    ready: list[EncodedClip] = []

    def write() -> None:
        writer.add_shard(ready, folder, [found[clip.name] for clip in ready])
        ready.clear()

    for name in tqdm(waiting, unit="clip", desc="encoding"):
        try:
            clip = fitted(load(source, name), settings.height, settings.width, settings.num_frames)
            with memory_errors("encode smaller or fewer frames, or with --dtype bfloat16"):
                ready.append(encoder.encode(name, clip))
        except TavidError as error:
            if error.code is ErrorCode.OUT_OF_MEMORY:  # of which the clip is not guilty
                raise
            writer.skip(name, error.message, folder, found[name])
        if len(ready) == shard_size:
            write()
    if ready:
        write()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=given_path, required=True)
    parser.add_argument("--base", required=True, help="image-to-video model whose encoders are used")
    parser.add_argument("--size", default="480x720", help="HxW in pixels")
    parser.add_argument("--frames", type=positive, default=49)
    parser.add_argument("--fps", type=float, help="frames a second of the model (default: those it was trained on)")
    parser.add_argument(
        "--caption-encoding", default="utf-8", help="of captions without a byte order mark, such as cp1252"
    )
    parser.add_argument(
        "--variants", type=positive, default=3, help="noisy encodings of each first frame, the clean included"
    )
    parser.add_argument("--trigger", default=DEFAULT_TRIGGER)
    parser.add_argument(
        "--track-px", type=int, default=0, help="keep instance tracks in cells of so many pixels; 0 (default): none"
    )
    parser.add_argument("--shard-size", type=positive, default=64)
    parser.add_argument("--count", type=positive, help="the first so many clips only")
    parser.add_argument("--dtype", default="float32", choices=("float32", "bfloat16"))
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--out", type=given_path, required=True)
    return parser


def main() -> None:
    from tavid_planner.config import resolve_model
    from tavid_planner.video.pipeline import TargetAwarePipeline

    parser = _parser()
    args = parser.parse_args()
    try:
        height, width = (int(side) for side in args.size.split("x"))
    except ValueError:
        parser.error(f"--size is {args.size!r}, expected HxW")
    if args.track_px and (args.track_px < 0 or height % args.track_px or width % args.track_px):
        parser.error(f"--track-px is {args.track_px}, expected a divisor of {height} and {width}")
    if args.fps is not None and not 0 < args.fps <= 1000:
        parser.error(f"--fps is {args.fps}, expected frames a second")
    try:
        device = checked_device(args.device)
        if args.dtype == "bfloat16":
            warn_if_slow(device, "leave out --dtype bfloat16")
        encoding = checked_encoding(args.caption_encoding)
        open_source(args.clips, args.frames, args.fps or MODEL_FPS, encoding)  # before a model is loaded in vain
        base = resolve_model(args.base)
        pipeline = TargetAwarePipeline.from_pretrained(base, dtype=getattr(torch, args.dtype), device=device)
        fps = args.fps or pipeline.own_fps()
        source = open_source(args.clips, args.frames, fps, encoding)
        settings = CacheSettings(
            base=args.base,
            base_digest=weights_digest(model_folder(base)),
            height=height,
            width=width,
            num_frames=args.frames,
            image_variants=args.variants,
            trigger=args.trigger,
            text_length=pipeline.backbone.text_length,
            fps=fps,
            track_px=args.track_px,
            encoder_digest=encoder_digest(model_folder(base)),
            encoder_state=encoder_state(model_folder(base)),
            dtype=args.dtype,
        )
        encoder = ClipEncoder(pipeline, settings)
        with only_writer(args.out, "the cache"):
            writer = CacheWriter(args.out, settings, encoder.text(""))
            fill(writer, encoder, source, args.shard_size, args.count)
        cache, skipped = ClipCache(args.out), read_lines(args.out / "skipped.jsonl")
    except TavidError as error:
        parser.exit(2, f"{error}\n")
    print(
        f"{counted(len(cache), 'clip')} in {args.out}, {len(skipped)} skipped"
        + (": see skipped.jsonl" if skipped else "")
    )


if __name__ == "__main__":
    main()
