"""Parameter files and names on the command line: reports what ROS 2 silently ignores."""

import difflib
import re
from pathlib import Path

from rclpy.expand_topic_name import expand_topic_name
from rclpy.node import Node

from hoi_motion.reading.text import read_yaml_value
from tavid_planner.errors import ErrorCode, InputError

PARAMETERS = "ros__parameters"
REMAPPING = re.compile(r"((?P<node>\w+):)?(ros(topic|service)://)?(?P<name>(?!__)[~/\w{}]+):=(?P<to>.+)")
"""`[node:]name:=other name`; names that begin with __ are the node's own."""
OF_EVERY_NODE = ("use_sim_time", "start_type_description_service")


def check_params_files(ros_arguments: list[str]) -> None:
    """Check that the parameter files on the command line can be read and are parameter files.

    Raises:
        InputError: CONFIG_INVALID that names the file and what is wrong.
    """
    for path in _params_files(ros_arguments):
        _sections(path)


def check_parameter_names(node_name: str, ros_arguments: list[str], known: set[str]) -> None:
    """Check that the node has every parameter that files and command line set.

    Args:
        node_name: with its namespace, "/robot/tavid_planner".
        known: names of the declared parameters.

    Raises:
        InputError: CONFIG_INVALID for an unknown parameter, or a file without a section for this node.
    """
    given = [(name, "the command line") for node, name in _assignments(ros_arguments) if _matches(node, node_name)]
    for path in _params_files(ros_arguments):
        sections = _sections(path)
        ours = {key: names for key, names in sections.items() if _matches(key, node_name)}
        if not ours:
            raise InputError(
                ErrorCode.CONFIG_INVALID,
                f"parameter file {path} has nothing for {node_name}: it speaks of {_listed(sections)}",
                f"call the section {node_name}, or /** for every node",
            )
        given += [(name, path) for names in ours.values() for name in names]
    known = known | set(OF_EVERY_NODE)
    unknown = [(name, place) for name, place in given if name not in known]
    if unknown:
        places = ", ".join(dict.fromkeys(str(place) for _, place in unknown))
        raise InputError(
            ErrorCode.CONFIG_INVALID,
            f"unknown parameter {_listed(name for name, _ in unknown)} in {places}",
            "; ".join(_suggestion(name, known) for name, _ in unknown[:5]),
        )


def unused_remappings(node: Node, ros_arguments: list[str]) -> list[str]:
    """What to tell of every `-r FROM:=TO` that renames nothing of this node, such as a misspelled one.

    No errors: a launch file may give one remapping to all of its nodes.
    """
    me = (node.get_name(), node.get_namespace())
    # the node's own, since another one of its name may be there, such as one that was killed just now
    used = {entity.topic_name for entity in (*node.publishers, *node.subscriptions)}
    used |= {service.service_name for service in node.services}
    # an action server does not tell its name
    services = [name for name, _ in node.get_service_names_and_types()]
    used |= {name.split("/_action/")[0] for name in services if "/_action/" in name}
    told = []
    for flag, value in zip(ros_arguments, ros_arguments[1:]):
        rule = REMAPPING.fullmatch(value)
        if flag not in ("-r", "--remap") or rule is None or rule["node"] not in (None, me[0]):
            continue
        if expand_topic_name(rule["to"], *me) not in used:
            near = difflib.get_close_matches(expand_topic_name(rule["name"], *me), used, n=1, cutoff=0.6)
            hint = f"did you mean {near[0]}?" if near else f"ros2 node info {node.get_fully_qualified_name()} lists all"
            told.append(f"{value} renames nothing: there is no {rule['name']} here; {hint}")
    return told


def _suggestion(name: str, known: set[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    return f"{name[:60]}: did you mean {near[0]}?" if near else f"{name[:60]}: docs/ros.md lists the names"


def _listed(names) -> str:
    names = [str(n)[:60] for n in names]
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")


def _params_files(ros_arguments: list[str]) -> list[Path]:
    pairs = zip(ros_arguments, ros_arguments[1:])
    return [Path(value) for flag, value in pairs if flag == "--params-file"]


def _assignments(ros_arguments: list[str]) -> list[tuple[str, str]]:
    """(node, parameter) of every `-p [node:]parameter:=value`."""
    found = []
    for flag, value in zip(ros_arguments, ros_arguments[1:]):
        if flag in ("-p", "--param") and ":=" in value:
            node, _, name = value.split(":=")[0].rpartition(":")
            found.append((node or "/**", name))
    return found


def _sections(path: Path) -> dict[str, list[str]]:
    """Node pattern -> dotted names of its parameters."""
    data = read_yaml_value(path, hint="check the path after --params-file")
    sections: dict[str, list[str]] = {}
    if isinstance(data, dict):
        _collect(data, "", sections)
    if not sections:
        raise InputError(
            ErrorCode.CONFIG_INVALID,
            f"parameter file {path} has no {PARAMETERS}",
            f"write it like config/node.yaml: a node's name, below it {PARAMETERS}, below that the parameters",
        )
    return sections


def _collect(data: dict, prefix: str, sections: dict[str, list[str]]) -> None:
    for key, value in data.items():
        if not isinstance(value, dict):
            continue
        name = f"{prefix}/{str(key).strip('/')}"
        if PARAMETERS in value:
            content = value[PARAMETERS]
            sections.setdefault(name, []).extend(_dotted(content, "") if isinstance(content, dict) else ())
        nested = {k: v for k, v in value.items() if k != PARAMETERS}
        _collect(nested, name, sections)


def _dotted(parameters: dict, prefix: str):
    for key, value in parameters.items():
        if isinstance(value, dict):
            yield from _dotted(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"


def _matches(pattern: str, node_name: str) -> bool:
    """Whether a node pattern of rcl (* one name, ** any number of names) is for this node."""
    expression = ""
    for part in pattern.strip("/").split("/"):
        expression += {"**": "(/[^/]+)*", "*": "/[^/]+"}.get(part, f"/{re.escape(part)}")
    return re.fullmatch(expression, node_name) is not None
