"""A ROS graph of one's own."""

import socket

import pytest

from tavid_planner.errors import TavidError
from tavid_planner.ros import isolation
from tavid_planner.ros.isolation import private_graph


def test_a_private_graph_is_local_with_ports_below_the_ephemeral_range():
    graph = private_graph()
    assert graph["ROS_AUTOMATIC_DISCOVERY_RANGE"] == "LOCALHOST"
    assert int(graph["ROS_DOMAIN_ID"]) in isolation.DOMAINS


def test_domain_in_use_is_passed_over(monkeypatch):
    monkeypatch.setattr(isolation, "DOMAINS", range(90, 92))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as participant:
        try:
            participant.bind(("", 7400 + 250 * 90 + 10))
        except OSError:
            pytest.skip("domain 90 is in use on this machine")
        assert {private_graph()["ROS_DOMAIN_ID"] for _ in range(8)} == {"91"}


def test_missing_loopback_is_said_in_one_line(monkeypatch):
    def refuse(*_):
        raise OSError("Network is unreachable")

    monkeypatch.setattr(socket.socket, "bind", refuse)
    with pytest.raises(TavidError, match="loopback.*ip link set lo up"):
        private_graph()
