"""A private ROS graph on this machine, for the demo and for tests."""

import random
import socket

from tavid_planner.errors import ControlError, ErrorCode

# RTPS 2.2, 9.6.1: discovery port of a domain's first participant = 7400 + 250 * domain + 10
PORT_BASE = 7400
PORTS_PER_DOMAIN = 250
FIRST_UNICAST = 10
DOMAINS = range(1, 102)
"""Domains whose ports are below Linux's ephemeral range."""


def private_graph() -> dict[str, str]:
    """Environment variables for a private graph; set them before rclpy starts, here and in child processes.

    Raises:
        ControlError: INTERNAL when there is no loopback interface.
    """
    check_loopback()
    domain = next((d for d in random.sample(DOMAINS, len(DOMAINS)) if _unused(d)), None)
    if domain is None:
        raise ControlError(ErrorCode.INTERNAL, "all ROS domains of this machine are in use", "stop some ROS nodes")
    return {"ROS_DOMAIN_ID": str(domain), "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST", "ROS_STATIC_PEERS": ""}


def check_loopback() -> None:
    """Check the loopback interface, through which ROS 2 nodes on one machine find each other.

    Raises:
        ControlError: INTERNAL when it is down.
    """
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
            receiver.bind(("127.0.0.1", 0))
            receiver.settimeout(1.0)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                sender.sendto(b"tavid", receiver.getsockname())
            receiver.recv(16)
    except OSError as error:
        raise ControlError(
            ErrorCode.INTERNAL,
            f"the loopback interface does not work ({error}), so ROS 2 nodes cannot find each other",
            "bring it up: ip link set lo up",
        ) from error


def _unused(domain: int) -> bool:
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("", PORT_BASE + PORTS_PER_DOMAIN * domain + FIRST_UNICAST))
        return True
    except OSError:
        return False
