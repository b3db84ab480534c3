"""A digest of a clip's files when it was encoded, so that changes are noticed."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

# smaller files are told by what they hold, larger ones by size and time of the last change
READ_BYTES = 1 << 20
DIGITS = 16


def fingerprint(paths: Iterable[Path]) -> str:
    """Digest of files, with those that are missing; another one as soon as one of them changes."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(f"{path.name}\0".encode("utf-8", "surrogateescape"))
        try:
            facts = path.stat()
            if facts.st_size <= READ_BYTES and path.is_file():
                digest.update(hashlib.sha256(path.read_bytes()).digest())
            else:
                digest.update(f"{facts.st_size} {facts.st_mtime_ns}".encode())
        except OSError:
            digest.update(b"missing")
    return digest.hexdigest()[:DIGITS]
