"""Config fields whose meaning and range are written once.

YAML files, command line options and ROS parameters are all generated from dataclasses made with `option`.
"""

import copy
import dataclasses
import difflib
import re
import types
import typing
from typing import Any

from hoi_motion.errors import ErrorCode, InputError, shown
from hoi_motion.reading.text import parse_yaml, read_yaml_value

_EXPONENT = re.compile(r"[-+]?\d{1,3}(\.\d{0,20})?[eE][-+]?\d{1,2}")
_Config = typing.TypeVar("_Config")


def option(
    default, description: str, *, minimum=None, maximum=None, choices=None, unit: str = "", read_only=False
) -> Any:  # as dataclasses.field: the type of the field that it makes
    """A dataclass field with description, range and unit."""
    metadata = dict(
        description=description, minimum=minimum, maximum=maximum, choices=choices, unit=unit, read_only=read_only
    )
    return dataclasses.field(default=default, metadata=metadata)


def section(config_class: type[_Config]) -> _Config:
    """A dataclass field that holds another config dataclass with its defaults."""
    return dataclasses.field(default_factory=config_class)


def check_options(config, prefix: str = "") -> None:
    """Check types and ranges of every `option` of a config dataclass; for `__post_init__`.

    Raises:
        InputError: CONFIG_INVALID, with the option's name, the value and what is allowed.
    """
    hints = typing.get_type_hints(type(config))
    for f in dataclasses.fields(config):
        value = getattr(config, f.name)
        name = prefix + f.name
        if dataclasses.is_dataclass(value) or "description" not in f.metadata:
            continue
        if value is False and "no" in (f.metadata["choices"] or ()):
            value = "no"  # YAML 1.1 reads a bare no as false
        object.__setattr__(config, f.name, _typed(value, hints[f.name], name))
        value, meta = getattr(config, f.name), f.metadata
        if value is None:
            continue
        if meta["choices"] and value not in meta["choices"]:
            raise _invalid(name, value, f"one of {', '.join(map(str, meta['choices']))}")
        # written so that NaN fails
        if meta["minimum"] is not None and not value >= meta["minimum"]:
            raise _invalid(name, value, f"at least {meta['minimum']:g} {meta['unit']}")
        if meta["maximum"] is not None and not value <= meta["maximum"]:
            raise _invalid(name, value, f"at most {meta['maximum']:g} {meta['unit']}")


KINDS = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}


def _typed(value, hint, name: str):
    kinds = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    if value is None and type(None) in kinds:
        return None
    kind = next(k for k in kinds if k is not type(None))
    if isinstance(value, bool) != (kind is bool) and kind in (bool, int, float):
        raise _invalid(name, value, KINDS[kind])
    if kind is float and isinstance(value, int):
        try:
            return float(value)
        except OverflowError as error:
            raise _invalid(name, value, "a number that fits into a float") from error
    if kind is str and isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**18:
        return str(value)  # YAML reads a name of digits, such as a single block, as a number
    if kind is float and isinstance(value, str) and _EXPONENT.fullmatch(value):
        return float(value)  # YAML 1.1 reads 1e-4, which lacks its point, as a text
    if not isinstance(value, kind):
        raise _invalid(name, value, KINDS[kind])
    return value


def _invalid(name: str, value, expected: str) -> InputError:
    return InputError(ErrorCode.CONFIG_INVALID, f"option {name} is {shown(value)}, expected {expected.strip()}")


def from_mapping(config_class, data, prefix: str = ""):
    """Build a config dataclass (with nested sections) from a mapping such as a parsed YAML file.

    Raises:
        InputError: CONFIG_INVALID for an unknown option (the valid names are listed) or a bad value.
    """
    if not isinstance(data, dict):
        raise InputError(
            ErrorCode.CONFIG_INVALID, f"{prefix.rstrip('.') or 'the config'} is {shown(data)}, expected named options"
        )
    fields = {f.name: f for f in dataclasses.fields(config_class)}
    for key in data:
        if key not in fields:
            named = key if isinstance(key, str) else shown(key)
            near = difflib.get_close_matches(named, fields, 1)
            raise InputError(
                ErrorCode.CONFIG_INVALID,
                f"unknown option {prefix}{named}",
                (f"perhaps {prefix}{near[0]} is meant; " if near else "") + f"valid names: {', '.join(sorted(fields))}",
            )
    hints = typing.get_type_hints(config_class)
    values = {
        key: from_mapping(hints[key], value, f"{prefix}{key}.") if dataclasses.is_dataclass(hints[key]) else value
        for key, value in data.items()
    }
    return config_class(**values)


def to_mapping(config) -> dict:
    """The inverse of `from_mapping`."""
    return dataclasses.asdict(config)


def flat_options(config, prefix: str = ""):
    """Yield (dotted name, value, field) of every option in a config tree."""
    for f in dataclasses.fields(config):
        value = getattr(config, f.name)
        if dataclasses.is_dataclass(value):
            yield from flat_options(value, f"{prefix}{f.name}.")
        else:
            yield prefix + f.name, value, f


def read_yaml(path) -> dict:
    """The named options of a YAML file; none for an empty one.

    Raises:
        InputError: CONFIG_INVALID for a file that cannot be read, is no YAML or names no options.
    """
    data = read_yaml_value(path)
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise InputError(ErrorCode.CONFIG_INVALID, f"{path} is {shown(data)}, expected named options")
    return data


def with_assignments(data: dict, assignments: list[str]) -> dict:
    """A mapping for `from_mapping`, changed by texts such as "video.num_frames=9"; the given one stays as it is.

    Raises:
        InputError: CONFIG_INVALID for a text that assigns nothing, or a value that is no YAML.
    """
    data = copy.deepcopy(data)
    for text in assignments:
        name, equals, value = text.partition("=")
        *sections, last = name.strip().split(".")
        if not equals or not last:
            raise InputError(
                ErrorCode.CONFIG_INVALID, f"option {text!r} has no value", "write it as section.option=value"
            )
        place = data
        for part in sections:
            place = place.setdefault(part, {}) if isinstance(place, dict) else None
        if not isinstance(place, dict):
            raise InputError(ErrorCode.CONFIG_INVALID, f"unknown option {name.strip()}")
        place[last] = parse_yaml(value, f"option {name.strip()}") if value.strip() else ""
    return data
