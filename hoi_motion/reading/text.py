"""Untrusted YAML and JSON: limits on size, depth and repeated parts, before a value is built."""

import json
from collections.abc import Iterable

import yaml

from hoi_motion.errors import ErrorCode, InputError, shown
from hoi_motion.reading.untrusted import MEBIBYTE, read_bytes, reading

MAX_YAML_BYTES = 128 * 1024
MAX_JSON_BYTES = 64 * MEBIBYTE
MAX_JSON_VALUES = 5_000_000
"""A value of two characters takes thirty times as much memory once read."""
_MAX_DEPTH = 24
_MAX_EVENTS = 20_000
_MAX_VALUES = 50_000  # with every alias written out


class _LimitedLoader(yaml.SafeLoader):
    """Plain YAML values. An alias repeats a part, and parts of parts: what they stand for is counted, not written."""

    def __init__(self, stream):
        super().__init__(stream)
        self._events = self._depth = 0

    def get_event(self):
        event = super().get_event()
        self._events += 1
        if isinstance(event, yaml.CollectionStartEvent):
            self._depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            self._depth -= 1
        if self._depth > _MAX_DEPTH:
            raise ValueError(f"it is nested more than {_MAX_DEPTH} levels deep")
        if self._events > _MAX_EVENTS:
            raise ValueError(f"it holds more than {_MAX_EVENTS} values")
        return event

    def compose_mapping_node(self, anchor):
        # the standard forbids a key twice; the library takes the last one without a word. Here and not where values
        # are built: there the keys that a merge brings in stand beside those that replace them
        node = super().compose_mapping_node(anchor)
        keys = [(key.tag, key.value) for key, _ in node.value if isinstance(key, yaml.ScalarNode) and key.value != "<<"]
        if (twice := _first_repeated(keys)) is not None:
            raise ValueError(f"it has {shown(twice[1])} twice, in the mapping of line {node.start_mark.line + 1}")
        return node

    def construct_document(self, node):
        sizes: dict[int, int] = {}
        if _written_out(node, sizes) > _MAX_VALUES:
            raise ValueError(f"its aliases stand for more than {_MAX_VALUES} values")
        return super().construct_document(node)


def _written_out(node, sizes: dict[int, int]) -> int:
    """How many values a node stands for; every node is visited once."""
    if id(node) in sizes:
        if not sizes[id(node)]:
            raise ValueError("an alias stands for a part that holds it")
        return sizes[id(node)]
    sizes[id(node)] = 0
    inner = node.value if isinstance(node, yaml.CollectionNode) else ()
    parts = (part for item in inner for part in (item if isinstance(item, tuple) else (item,)))
    sizes[id(node)] = 1 + sum(_written_out(part, sizes) for part in parts)
    return sizes[id(node)]


def read_yaml_value(path, code: ErrorCode = ErrorCode.CONFIG_INVALID, hint: str = "", error_class: type = InputError):
    """The value of a YAML file.

    Raises:
        TavidError: `error_class` with `code` for a missing file, one that is not YAML, or one beyond the limits.
    """
    with reading(path, "YAML that can be read", code, hint, error_class):
        content = read_bytes(path, "a YAML file", MAX_YAML_BYTES, code, hint, error_class)
        return yaml_value(content.decode("utf-8-sig"))


def parse_yaml(text: str, name: str, code: ErrorCode = ErrorCode.CONFIG_INVALID):
    """The value that a text stands for; `name` is what the error calls it.

    Raises:
        InputError: `code`.
    """
    with reading(f"{name} {shown(text)}", "a value", code):
        return yaml_value(text)


def yaml_value(text: str):
    """The value of a YAML text.

    Raises:
        ValueError: for what is no YAML, or beyond the limits. RecursionError.
    """
    if len(text) > MAX_YAML_BYTES:
        raise ValueError(f"it has more than {MAX_YAML_BYTES} characters")
    try:
        return yaml.load(text, _LimitedLoader)  # the loader is a SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f" in line {mark.line + 1}" if mark else ""
        raise ValueError(f"{error.problem or error.context}{where}") from error


def _once_each(pairs: list[tuple]) -> dict:
    """The names of a JSON object; the library takes the last one of a name without a word."""
    if (twice := _first_repeated(name for name, _ in pairs)) is not None:
        raise ValueError(f"it has {shown(twice)} twice")
    return dict(pairs)


def json_value(content: str | bytes):
    """The value of a JSON text.

    Raises:
        ValueError: for what is no JSON, or has a name twice. RecursionError.
    """
    return json.loads(content, object_pairs_hook=_once_each)


def _first_repeated(values: Iterable):
    """The first value that was there before, None when all differ; every value is looked at once."""
    seen = set()
    for value in values:
        if value in seen:
            return value
        seen.add(value)
    return None


def read_json(
    path, what: str, kind: type = dict, code: ErrorCode = ErrorCode.FILE_INVALID, hint: str = "", error_class=InputError
):
    """The value of a JSON file, of type `kind`.

    Args:
        what: completes "PATH is not ...".

    Raises:
        TavidError: `error_class` with `code`.
    """
    with reading(path, what, code, hint, error_class):
        content = read_bytes(path, what, MAX_JSON_BYTES, code, hint, error_class)
        if sum(content.count(mark) for mark in (b",", b"[", b"{")) > MAX_JSON_VALUES:
            raise ValueError(f"it holds more than {MAX_JSON_VALUES} values")
        value = json_value(content)
        if not isinstance(value, kind):
            raise ValueError(f"it holds {shown(value)}, expected {'names' if kind is dict else f'a {kind.__name__}'}")
        return value
