"""What of a base model encodes clips: its VAE, text encoder and tokenizer, told by a digest of their files.

Latents and texts of one model mean nothing to another, and nothing in their shapes tells.
"""

import hashlib
from pathlib import Path

from tavid_planner.errors import ErrorCode, InputError
from tavid_planner.video.model_files import DIGEST_LENGTH, weights_digest

ENCODERS = ("vae", "text_encoder", "tokenizer")


def encoder_digest(base: Path) -> str:
    """Another one as soon as a file of an encoder changes; transformer and adapters count nothing."""
    digests = " ".join(weights_digest(base / part) for part in ENCODERS)
    return hashlib.sha256(digests.encode()).hexdigest()[:DIGEST_LENGTH]


def refuse_other_encoders(cache, settings, name: str, base: Path) -> None:
    """See that clips were encoded by the encoders of the base that is used with them.

    Args:
        cache: its folder; settings: its CacheSettings; name, base: the base as it is called, and its folder.

    Raises:
        InputError: CONFIG_INVALID when they were not.
    """
    if settings.encoder_digest:
        same = settings.encoder_digest == encoder_digest(base)
    else:
        same = settings.base_digest == weights_digest(base)  # of an older cache: no less than the whole model
    if not same:
        raise InputError(
            ErrorCode.CONFIG_INVALID,
            f"{cache} was encoded by {settings.base}, whose encoders are not those of the base {name} as it is now",
            "give that base, or encode the clips again",
        )
