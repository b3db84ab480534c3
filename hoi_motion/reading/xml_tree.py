"""Untrusted XML as a tree: no document types (they define entities that expand), and limits on size and depth."""

import xml.etree.ElementTree as xml
from xml.parsers import expat

from hoi_motion.reading.untrusted import MEBIBYTE

MAX_XML_BYTES = 32 * MEBIBYTE
MAX_DEPTH = 128
MAX_ELEMENTS = 200_000
MAX_ATTRIBUTES = 1_000_000


def parse_xml(content: bytes) -> xml.Element:
    """Raises: ValueError or ExpatError for broken XML, a document type, or a tree beyond the limits."""
    if len(content) > MAX_XML_BYTES:
        raise ValueError(f"it has more than {MAX_XML_BYTES} bytes")
    # the parser gathers all attributes of an element before it calls us
    if content.count(b"=") > MAX_ATTRIBUTES:
        raise ValueError(f"it has more than {MAX_ATTRIBUTES} attributes")
    builder = xml.TreeBuilder()
    parser = expat.ParserCreate(namespace_separator="}")
    parser.buffer_text = True
    depth = count = 0

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth, count
        depth, count = depth + 1, count + 1
        if depth > MAX_DEPTH:
            raise ValueError(f"it is nested more than {MAX_DEPTH} levels deep")
        if count > MAX_ELEMENTS:
            raise ValueError(f"it has more than {MAX_ELEMENTS} elements")
        builder.start(_name(tag), {_name(name): value for name, value in attributes.items()})

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(_name(tag))

    def doctype(*_) -> None:
        raise ValueError("it has a document type, which could define anything")

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = doctype
    parser.Parse(content, True)
    return builder.close()


def _name(name: str) -> str:
    """A name with a namespace as the tree writes it: {address}name."""
    return "{" + name if "}" in name else name
