"""Subscriptions whose QoS parameters may change: qos_overrides.TOPIC.subscription.reliability, as in other nodes."""

import copy
from collections.abc import Callable

from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.exceptions import InvalidParameterTypeException, InvalidTopicNameException
from rclpy.node import Node
from rclpy.qos import QoSPolicyKind, QoSProfile
from rclpy.qos_overriding_options import QoSOverridingOptions
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
        reason = str(error).splitlines()[0].removesuffix(":").rpartition(": ")[2]
        raise InputError(ErrorCode.CONFIG_INVALID, f"invalid name {topic[:80]!r}: {reason}", hint) from error


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
