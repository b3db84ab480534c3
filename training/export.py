"""Put the trained parts into one model folder in diffusers format, half precision, safetensors.

`python -m training.export --vae runs/vae/model --latents runs/latents --base runs/base/model
--adapter runs/adapter-mini/adapter --out models/tavid-mini`
"""

import argparse
import json
import shutil
from pathlib import Path

from tavid_planner.errors import ErrorCode, InputError, TavidError
from tavid_planner.video.adapter import METADATA_KEY
from tavid_planner.video.model_files import check_safetensors, missing, read_tensors, weights_digest
from training.arguments import given_path
from training.data.latents import LatentCache, refuse_other_vae, vae_digest
from training.models import load_vae
from training.networks.half_weights import halved, write_half
from training.tasks.adapter import DIGEST_OF_BASE


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("vae", "latents", "base", "adapter", "out"):
        parser.add_argument(f"--{name}", type=given_path, required=True)
    args = parser.parse_args()
    if same := [name for name in ("vae", "base", "adapter") if getattr(args, name).resolve() == args.out.resolve()]:
        parser.error(f"--out is the folder of --{same[0]}, which is read from and would be lost")
    if args.adapter.resolve() == (args.out / "adapter").resolve():
        parser.error("--adapter is the folder adapter in --out, which is written: give another --out")
    try:
        _export(args)
    except TavidError as error:
        parser.exit(2, f"{error}\n")
    size = sum(f.stat().st_size for f in args.out.rglob("*") if f.is_file())
    print(f"{args.out}: {size / 1e6:.1f} MB")


def _export(args: argparse.Namespace) -> None:
    """Raises: TavidError for a part that is missing, damaged or not for half precision, a VAE that did not encode the
    latents, or a folder that cannot be written.
    """
    latents = args.latents / "latents.pt"
    cache, digest = LatentCache.load(latents), vae_digest(args.vae)
    refuse_other_vae(cache, latents, digest)
    parts = [args.base / part for part in ("transformer", "text_encoder", "tokenizer", "scheduler")]
    if absent := [part for part in (*parts, args.adapter) if not part.is_dir()]:
        raise missing(f"there is no folder {absent[0]}", "give the model folder and the adapter that a training wrote")
    vae, scale = load_vae(args.vae), cache.scale
    vae.register_to_config(scaling_factor=scale)
    halved(vae.state_dict(), args.vae / "vae")
    for path in (file for part in (*parts, args.adapter) for file in part.glob("*.safetensors")):
        halved(read_tensors(path), path)  # before anything is written
    try:
        _write(args, vae, parts)
    except OSError as error:
        told = f"cannot write {args.out}: {error.strerror or error}"
        raise InputError(ErrorCode.OUTPUT_INVALID, told, "free space there, or choose another place") from error


def _write(args: argparse.Namespace, vae, parts: list[Path]) -> None:
    vae.half().save_pretrained(args.out / "vae")
    for part in parts:
        shutil.copytree(part, args.out / part.name, dirs_exist_ok=True)
    shutil.copytree(args.adapter, args.out / "adapter", dirs_exist_ok=True)
    for path in args.out.glob("t*/*.safetensors"):
        _halve(path, {})
    full, half = (weights_digest(folder / "transformer") for folder in (args.base, args.out))
    for path in args.out.glob("adapter/*.safetensors"):
        _halve(path, {full: half})
    index = {
        "_class_name": "CogVideoXImageToVideoPipeline",
        "_diffusers_version": "0.42.1",
        "scheduler": ["diffusers", "CogVideoXDPMScheduler"],
        "text_encoder": ["transformers", "T5EncoderModel"],
        "tokenizer": ["transformers", "PreTrainedTokenizerFast"],
        "transformer": ["diffusers", "CogVideoXTransformer3DModel"],
        "vae": ["diffusers", "AutoencoderKLCogVideoX"],
    }
    (args.out / "model_index.json").write_text(json.dumps(index, indent=2) + "\n")


def _halve(path: Path, bases: dict[str, str]) -> None:
    """Store floating-point tensors in half precision, keeping the file's metadata.

    Args:
        bases: digests of the transformers that an adapter was trained on, each with the one that it is now.
    """
    metadata = dict(check_safetensors(path).get("__metadata__", {}))
    facts = json.loads(metadata.get(METADATA_KEY, "{}"))
    if facts.get(DIGEST_OF_BASE) in bases:
        metadata[METADATA_KEY] = json.dumps({**facts, DIGEST_OF_BASE: bases[facts[DIGEST_OF_BASE]]})
    write_half(read_tensors(path), path, metadata)


if __name__ == "__main__":
    main()
