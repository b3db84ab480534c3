"""The files that an MJCF includes, put in place as MuJoCo does it."""

import xml.etree.ElementTree as xml
from pathlib import Path

from hoi_motion.errors import ErrorCode, RetargetError
from hoi_motion.reading.untrusted import read_bytes, reading
from hoi_motion.reading.xml_tree import MAX_XML_BYTES, parse_xml

MOST_FILES = 100
BESIDE = "beside the file in"  # mark on an <include>, which no attribute of a file can have


def put_included(root: xml.Element, path: Path, folder: Path) -> None:
    """Replace every <include> by what its file holds, in place.

    Args:
        path: of the file whose tree it is: names are relative to it, or else to the file that includes them.
        folder: what may be read lies in it.

    Raises:
        RetargetError: ROBOT_UNKNOWN for a file that is missing, elsewhere, broken, or included twice.
    """
    seen = {path.resolve()}
    waiting = [root]
    while waiting:
        parent = waiting.pop()
        for element in list(parent):
            if element.tag != "include":
                waiting.append(element)
                continue
            read = _included(element, path, folder, seen)
            place = list(parent).index(element)
            parent.remove(element)
            for i, inner in enumerate(read):
                parent.insert(place + i, inner)
            waiting.append(parent)  # what was put in may include more
            break


def _included(element: xml.Element, path: Path, folder: Path, seen: set[Path]) -> list[xml.Element]:
    name = element.get("file", "")
    places = [(Path(place) / name.replace("\\", "/")).resolve() for place in (path.parent, element.get(BESIDE, "."))]
    file = places[1] if BESIDE in element.attrib and not places[0].is_file() else places[0]
    if not (file.is_relative_to(folder.resolve()) and file.is_file()):
        raise _refused(path, f"includes {name!r}, and there is no file {file}", f"files are read from {folder}")
    if file in seen or len(seen) > MOST_FILES:
        raise _refused(path, f"includes {name!r} twice, or too many files", f"each once, at most {MOST_FILES}")
    seen.add(file)
    with reading(file, "an MJCF", ErrorCode.ROBOT_UNKNOWN, error_class=RetargetError):
        content = read_bytes(file, "an MJCF", MAX_XML_BYTES, ErrorCode.ROBOT_UNKNOWN, error_class=RetargetError)
        root = parse_xml(content)
        for inner in root.iter("include"):
            inner.set(BESIDE, str(file.parent))
        return list(root)


def _refused(path: Path, what: str, hint: str) -> RetargetError:
    return RetargetError(ErrorCode.ROBOT_UNKNOWN, f"the MJCF {path} {what}", hint)
