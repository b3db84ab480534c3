"""The list of a batch: JSON lines, one request each."""

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path

from hoi_motion.errors import shown
from hoi_motion.media.image_files import MAX_PICTURE_BYTES
from hoi_motion.reading.text import MAX_JSON_BYTES, json_value
from hoi_motion.reading.untrusted import read_bytes, reading, reason_of
from tavid_planner.errors import ErrorCode, InputError
from tavid_planner.request_files import RequestFiles

NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,99}")
LONGEST_NAME_BYTES = 200  # of the 255 that file systems allow, with room for endings
WHAT = "a list of requests"
HINT = 'one JSON object per line: {"name": "mug-1", "image": "a.png", "mask": "m.png", "instruction": "picks up ..."}'


@dataclass(frozen=True)
class ListedRequest:
    """One line.

    Attributes:
        name: of its result; by default the line number, starting with 0001.
        digest: of the line's values and its files' contents; changes when the request does.
    """

    name: str
    files: RequestFiles
    digest: str


def read_request_list(path) -> list[ListedRequest]:
    """Every request of a file; file names are relative to its folder.

    Raises:
        InputError: CONFIG_INVALID with the line number for an invalid line or a repeated name; errors such as
            IMAGE_INVALID are found when the request is run.
    """
    path = Path(path)
    with reading(path, WHAT, ErrorCode.CONFIG_INVALID, HINT):
        lines = read_bytes(path, WHAT, MAX_JSON_BYTES, ErrorCode.CONFIG_INVALID, HINT).decode("utf-8-sig").split("\n")
    requests: dict[str, ListedRequest] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            request = _request(line, f"{number:04d}", path.parent)
        except InputError as error:
            raise InputError(error.code, f"{path} line {number}: {error.message}", error.hint) from error
        # names that differ only in case are one folder on some file systems
        if request.name.lower() in requests:
            raise InputError(ErrorCode.CONFIG_INVALID, f"{path} line {number}: the name {request.name!r} comes twice")
        requests[request.name.lower()] = request
    if not requests:
        raise InputError(ErrorCode.CONFIG_INVALID, f"{path} holds no request", HINT)
    return list(requests.values())


def _request(line: str, number: str, folder: Path) -> ListedRequest:
    try:
        data = json_value(line)
    except (ValueError, RecursionError) as error:
        raise InputError(ErrorCode.CONFIG_INVALID, f"{shown(line)} is no JSON: {reason_of(error)}", HINT) from error
    if not isinstance(data, dict):
        raise InputError(ErrorCode.CONFIG_INVALID, f"{shown(data)} is no JSON object", HINT)
    name = data.pop("name", number)
    if not isinstance(name, str) or not NAME.fullmatch(name) or len(name.encode()) > LONGEST_NAME_BYTES:
        raise InputError(
            ErrorCode.CONFIG_INVALID,
            f"the name {shown(name)} is no name of a folder",
            "use up to 100 letters, digits, dots, dashes and underscores",
        )
    files = RequestFiles.of_mapping(data, folder, beside=("name",))
    return ListedRequest(name, files, _digest(data, files))


def _digest(data: dict, files: RequestFiles) -> str:
    digest = hashlib.sha256(json.dumps(data, sort_keys=True).encode())
    for file in files.files:
        try:
            content = read_bytes(file, "a file of a request", MAX_PICTURE_BYTES)
            digest.update(hashlib.sha256(content).digest())
        except (OSError, InputError):  # running the request reports what is wrong with it
            digest.update(b"unreadable")
    return digest.hexdigest()[:16]
