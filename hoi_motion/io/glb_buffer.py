"""The container of a binary glTF 2.0 file: arrays go into one buffer, everything else is JSON."""

import json
import struct

import numpy as np

_COMPONENT_TYPES = {"int8": 5120, "uint8": 5121, "uint16": 5123, "uint32": 5125, "float32": 5126}
_ELEMENT_TYPES = {(): "SCALAR", (2,): "VEC2", (3,): "VEC3", (4,): "VEC4", (4, 4): "MAT4"}
ARRAY_BUFFER, ELEMENT_ARRAY_BUFFER = 34962, 34963


class GlbBuffer:
    """Collects arrays as accessors and packs the file (glTF 2.0 specification, section 4.4)."""

    def __init__(self):
        self._bytes = bytearray()
        self.views, self.accessors = [], []

    def add(self, array: np.ndarray, target: int | None = None, normalized: bool = False) -> int:
        """Append an array (N, ...) and return the index of its accessor. Matrices are stored column by column."""
        array = np.asarray(array)
        if array.shape[1:] == (4, 4):
            array = np.swapaxes(array, 1, 2)
        data = np.ascontiguousarray(array)
        self._bytes.extend(b"\0" * (-len(self._bytes) % 4))
        view = {"buffer": 0, "byteOffset": len(self._bytes), "byteLength": data.nbytes}
        self._bytes.extend(data.tobytes())
        self.views.append(view | ({"target": target} if target else {}))
        accessor = {
            "bufferView": len(self.views) - 1,
            "componentType": _COMPONENT_TYPES[data.dtype.name],
            "count": len(data),
            "type": _ELEMENT_TYPES[data.shape[1:]],
        }
        if normalized:
            accessor["normalized"] = True
        if data.dtype == np.float32 and data.ndim < 3:
            lowest, highest = data.min(axis=0), data.max(axis=0)
            accessor |= {"min": np.atleast_1d(lowest).tolist(), "max": np.atleast_1d(highest).tolist()}
        self.accessors.append(accessor)
        return len(self.accessors) - 1

    def pack(self, document: dict) -> bytes:
        """The whole file: header, JSON chunk, binary chunk."""
        binary = bytes(self._bytes) + b"\0" * (-len(self._bytes) % 4)
        document = document | {
            "buffers": [{"byteLength": len(binary)}],
            "bufferViews": self.views,
            "accessors": self.accessors,
        }
        text = json.dumps(document, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 4)
        size = 12 + 8 + len(text) + 8 + len(binary)
        header = struct.pack("<4sII", b"glTF", 2, size)
        return (
            header
            + struct.pack("<I4s", len(text), b"JSON")
            + text
            + struct.pack("<I4s", len(binary), b"BIN\0")
            + binary
        )
