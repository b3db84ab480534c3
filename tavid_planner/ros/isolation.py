"""A private ROS graph on this machine, for the demo and for tests."""

import os
import random
import re
import socket

from hoi_motion.errors import shown
from tavid_planner.errors import ControlError, ErrorCode, InputError

# RTPS 2.2, 9.6.1: discovery port of participant n of a domain = 7400 + 250 * domain + 10 + 2 * n
PORT_BASE = 7400
PORTS_PER_DOMAIN = 250
FIRST_UNICAST = 10
PARTICIPANTS = 32
"""So many the middleware looks for on this machine when it discovers only there; later ones never find each other."""
CLAIM = 5
"""RTPS gives this port of a domain to nobody: whoever holds it has the domain to itself."""
DOMAINS = range(1, 102)
"""Domains whose ports are below Linux's ephemeral range."""
LAST_DOMAIN = 232
"""The last one that has ports at all."""


# held until this process ends, however it ends
_claims: list[socket.socket] = []


def private_graph() -> dict[str, str]:
    """Environment variables for a private graph; set them before rclpy starts, here and in child processes.

    The domain is this process's as long as it lives: no other caller gets it, and no node is left there from before.
    Two that shared one would take each other's ports, shared memory and places among PARTICIPANTS: once, of two that
    started and killed nodes in one domain, a client did not find a live node within a minute.

    Raises:
        ControlError: INTERNAL when there is no loopback interface.
    """
    check_loopback()
    domain = next((d for d in random.sample(DOMAINS, len(DOMAINS)) if _claim(d)), None)
    if domain is None:
        raise ControlError(ErrorCode.INTERNAL, "all ROS domains of this machine are in use", "stop some ROS nodes")
    return {"ROS_DOMAIN_ID": str(domain), "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST", "ROS_STATIC_PEERS": ""}


def check_domain() -> None:
    """Check ROS_DOMAIN_ID, before a context is made: the middleware ends the process for a domain without ports.

    Raises:
        InputError: CONFIG_INVALID.
    """
    given = os.environ.get("ROS_DOMAIN_ID", "")
    if given and not (re.fullmatch("0*[0-9]{1,3}", given) and int(given[-3:]) <= LAST_DOMAIN):
        raise InputError(
            ErrorCode.CONFIG_INVALID,
            f"the environment variable ROS_DOMAIN_ID is {shown(given)}",
            f"set it to a whole number from 0 to {LAST_DOMAIN}, the same for all that talk to each other",
        )


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


def _claim(domain: int) -> bool:
    """Take a domain for this process; False when it is another's or has nodes."""
    first = PORT_BASE + PORTS_PER_DOMAIN * domain
    claim = _bound("127.0.0.1", first + CLAIM)
    if claim is None:
        return False
    for participant in range(PARTICIPANTS):
        probe = _bound("", first + FIRST_UNICAST + 2 * participant)
        if probe is None:
            claim.close()
            return False
        probe.close()
    _claims.append(claim)
    return True


def _bound(address: str, port: int) -> socket.socket | None:
    """A UDP socket at a port, None when the port is taken."""
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        opened.bind((address, port))
    except OSError:
        opened.close()
        return None
    return opened
