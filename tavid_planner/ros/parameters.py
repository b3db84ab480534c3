"""ROS parameters generated from the config dataclasses: description, range and read-only flag are written once."""

import dataclasses
import math

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor, SetParametersResult
from rclpy.exceptions import InvalidParameterTypeException, InvalidParameterValueException
from rclpy.node import Node

from hoi_motion.options import flat_options, from_mapping
from tavid_planner.errors import ErrorCode, InputError

NOT_PARAMETERS = ("name",)
"""Options that are no parameters: the name of the profile follows from the parameter `profile`."""

INT64_MAX = 2**63 - 1


def declare_options(node: Node, config) -> None:
    """Declare every option of a config dataclass as a parameter with its value as the default.

    Raises:
        InputError: CONFIG_INVALID when a parameter file or the command line gave a value of the wrong type or range.
    """
    for name, value, field in _parameters(config):
        try:
            node.declare_parameter(name, value, descriptor(value, field.metadata))
        except (InvalidParameterTypeException, InvalidParameterValueException) as error:
            raise InputError(
                ErrorCode.CONFIG_INVALID,
                f"parameter {name}: {error}",
                f"expected {type(value).__name__}, for example {value!r}: {field.metadata['description']}",
            ) from error


def descriptor(value, metadata) -> ParameterDescriptor:
    """What `ros2 param describe` shows for one option."""
    unit = f" [{metadata['unit']}]" if metadata["unit"] else ""
    described = ParameterDescriptor(description=metadata["description"] + unit, read_only=metadata["read_only"])
    if metadata["choices"]:
        described.additional_constraints = f"one of: {', '.join(map(str, metadata['choices']))}"
    low, high = metadata["minimum"], metadata["maximum"]
    if low is None and high is None:
        return described
    if isinstance(value, float):
        low, high = (-math.inf if low is None else float(low)), (math.inf if high is None else float(high))
        described.floating_point_range = [FloatingPointRange(from_value=low, to_value=high)]
    else:
        low, high = (-INT64_MAX if low is None else low), (INT64_MAX if high is None else high)
        described.integer_range = [IntegerRange(from_value=low, to_value=high)]
    return described


def read_options(node: Node, config, changes: dict | None = None):
    """`config` with the node's current parameter values.

    Args:
        changes: parameter name -> value to use instead of the current one.

    Raises:
        InputError: CONFIG_INVALID when the values do not make a valid config.
    """
    changes = changes or {}
    mapping = dataclasses.asdict(config)
    for name, _, _ in _parameters(config):
        *sections, option_name = name.split(".")
        target = mapping
        for section in sections:
            target = target[section]
        target[option_name] = changes[name] if name in changes else node.get_parameter(name).value
    return from_mapping(type(config), mapping)


def refuse_invalid_changes(node: Node, *configs) -> None:
    """From now on, refuse parameter changes that would make a config invalid, with the reason."""

    def check(parameters) -> SetParametersResult:
        changes = {p.name: p.value for p in parameters}
        try:
            for config in configs:
                read_options(node, config, changes)
        except InputError as error:
            reason = " - ".join(filter(None, (error.message, error.hint)))
            return SetParametersResult(successful=False, reason=reason)
        return SetParametersResult(successful=True)

    node.add_on_set_parameters_callback(check)


def _parameters(config):
    for name, value, field in flat_options(config):
        if name not in NOT_PARAMETERS:
            yield name, value, field
