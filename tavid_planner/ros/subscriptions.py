"""Subscriptions whose QoS parameters may change: qos_overrides.TOPIC.subscription.reliability, as in other nodes."""

import copy
from collections.abc import Callable

from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.exceptions import (
    InvalidNamespaceException,
    InvalidParameterTypeException,
    InvalidTopicNameException,
    NameValidationException,
)
from rclpy.node import Node
from rclpy.qos import QoSPolicyKind, QoSProfile
from rclpy.qos_overriding_options import QoSOverridingOptions
from rclpy.validate_namespace import validate_namespace
from rclpy.validate_topic_name import validate_topic_name

from tavid_planner.errors import ErrorCode, InputError

POLICIES = (QoSPolicyKind.HISTORY, QoSPolicyKind.DEPTH, QoSPolicyKind.RELIABILITY, QoSPolicyKind.DURABILITY)


def check_name(topic: str) -> None:
    """Check the name of a topic or an action.

    Raises:
        InputError: CONFIG_INVALID for one that ROS does not allow.
    """
    hint = "names are like /arm/joint_states"
    if "//" in topic:  # rclpy notices that later
        raise InputError(ErrorCode.CONFIG_INVALID, f"invalid name {topic[:80]!r}: '/' is repeated", hint)
    try:
        validate_topic_name(topic)
    except InvalidTopicNameException as error:
        raise InputError(ErrorCode.CONFIG_INVALID, f"invalid name {topic[:80]!r}: {_reason(error)}", hint) from error


def check_namespace(namespace: str) -> None:
    """Check the namespace of a node, "" for none.

    Raises:
        InputError: CONFIG_INVALID for one that ROS does not allow.
    """
    try:
        validate_namespace(namespace if namespace.startswith("/") else f"/{namespace}")
    except InvalidNamespaceException as error:
        told = f"invalid namespace {namespace[:80]!r}: {_reason(error)}"
        raise InputError(ErrorCode.CONFIG_INVALID, told, "namespaces are like /robot_1") from error


def _reason(error: NameValidationException) -> str:
    """What is wrong with a name, of rclpy's drawing of it."""
    return str(error).splitlines()[0].removesuffix(":").rpartition(": ")[2]


def subscribe(
    node: Node,
    kind,
    topic: str,
    hear: Callable,
    qos: QoSProfile,
    callback_group,
    events: SubscriptionEventCallbacks | None = None,
) -> None:
    """Subscribe with a QoS that holds where no parameter says otherwise.

    Raises:
        InputError: CONFIG_INVALID for a topic that has no valid name, or a policy that QoS does not have.
    """
    check_name(topic)
    name = node.resolve_topic_name(topic)
    try:
        node.create_subscription(
            kind,
            topic,
            hear,
            copy.copy(qos),  # rclpy writes what overrides it into the profile
            callback_group=callback_group,
            event_callbacks=events,
            qos_overriding_options=QoSOverridingOptions(POLICIES),
        )
    except (InvalidParameterTypeException, KeyError, ValueError, RuntimeError, AttributeError) as error:
        policies = ", ".join(policy.name.lower() for policy in POLICIES)
        raise InputError(
            ErrorCode.CONFIG_INVALID,
            f"no subscription to {name}: {error}",
            f"qos_overrides.{name}.subscription.POLICY sets {policies}",
        ) from error
