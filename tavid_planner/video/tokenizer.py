"""T5 tokenizers from a sentencepiece file, read without protobuf.

The tokenizer of CogVideoX is published as `spiece.model` only. transformers reads such files through protobuf 5 or
later, but mediapipe needs protobuf 4, so the few fields that matter are read here (sentencepiece_model.proto:
ModelProto.pieces = 1 with piece = 1 and score = 2, ModelProto.normalizer_spec = 3 with precompiled_charsmap = 2).
"""

import struct
from pathlib import Path

from tavid_planner.video.model_files import missing

VARINT = 0
FIXED64 = 1
BYTES = 2
FIXED32 = 5


def needs_conversion(base: Path) -> bool:
    """Whether a model's tokenizer is only available as `spiece.model`."""
    folder = base / "tokenizer"
    return (folder / "spiece.model").is_file() and not (folder / "tokenizer.json").is_file()


def load_t5_tokenizer(folder: Path):
    """The T5 tokenizer of a folder with `spiece.model` and no `tokenizer.json`.

    Raises:
        VideoError: MODEL_MISSING when the file is damaged.
    """
    from transformers import T5Tokenizer

    path = folder / "spiece.model"
    try:
        pieces, charsmap = read_sentencepiece(path.read_bytes())
    except (OSError, ValueError, IndexError, struct.error) as error:
        raise missing(f"{path} is damaged or truncated: {error}", "download the model again") from error
    sentinels = 100
    pieces += [(f"<extra_id_{i}>", 0.0) for i in reversed(range(sentinels))]
    return T5Tokenizer(vocab=pieces, _spm_precompiled_charsmap=charsmap or None, extra_ids=sentinels)


def read_sentencepiece(data: bytes) -> tuple[list[tuple[str, float]], bytes]:
    """Pieces with their scores, and the compiled character map of the normaliser.

    Raises:
        ValueError, IndexError, struct.error: when `data` is no sentencepiece model.
    """
    pieces, charsmap = [], b""
    for field, value in _fields(data):
        if field == 1:
            piece = _message(value)
            pieces.append((piece.get(1, b"").decode(), struct.unpack("<f", piece[2])[0] if 2 in piece else 0.0))
        elif field == 3:
            charsmap = _message(value).get(2, b"")
    if not pieces:
        raise ValueError("it has no pieces")
    return pieces, charsmap


def _message(value) -> dict[int, bytes]:
    """The fields of a nested message that are bytes."""
    if not isinstance(value, bytes):
        raise ValueError("a number stands where a message is expected")
    return {field: inner for field, inner in _fields(value) if isinstance(inner, bytes)}


def _fields(data: bytes):
    """(field number, value) of one protobuf message; integers stay integers, all else is bytes."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        kind = key & 7
        if kind == VARINT:
            value, at = _varint(data, at)
        elif kind in (FIXED64, FIXED32, BYTES):
            size = {FIXED64: 8, FIXED32: 4}.get(kind)
            if size is None:
                size, at = _varint(data, at)
            value, at = data[at : at + size], at + size
            if at > len(data):
                raise ValueError("it ends in the middle of a field")
        else:
            raise ValueError(f"it has a field of unknown kind {kind}")
        yield key >> 3, value


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
