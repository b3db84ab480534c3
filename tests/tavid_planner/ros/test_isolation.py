"""A ROS graph of one's own."""

import socket
import subprocess
import sys
from pathlib import Path
from subprocess import PIPE

import pytest

from tavid_planner.cli.node import main
from tavid_planner.errors import TavidError
from tavid_planner.ros import isolation
from tavid_planner.ros.client import PlanClient
from tavid_planner.ros.isolation import private_graph

REPOSITORY = Path(__file__).resolve().parents[3]


def test_a_private_graph_is_local_with_ports_below_the_ephemeral_range():
    graph = private_graph()
    assert graph["ROS_AUTOMATIC_DISCOVERY_RANGE"] == "LOCALHOST"
    assert int(graph["ROS_DOMAIN_ID"]) in isolation.DOMAINS


@pytest.fixture
def two_domains(monkeypatch):
    """The only ones that there are, of those that nothing else takes by itself; what is claimed is given back."""
    monkeypatch.setattr(isolation, "DOMAINS", range(230, 232))
    monkeypatch.setattr(isolation, "_claims", [])


@pytest.mark.parametrize("participant", [0, 7])
def test_domain_with_a_node_is_passed_over(two_domains, participant):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as node:
        try:
            node.bind(("", 7400 + 250 * 230 + 10 + 2 * participant))
        except OSError:
            pytest.skip("domain 230 is in use on this machine")
        assert private_graph()["ROS_DOMAIN_ID"] == "231"


def test_domain_is_anothers_no_more_until_its_process_ends(two_domains):
    program = (
        "from tavid_planner.ros import isolation; isolation.DOMAINS = range(230, 231);"
        "print(isolation.private_graph()['ROS_DOMAIN_ID'], flush=True); input()"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdin=PIPE, stdout=PIPE, text=True, cwd=REPOSITORY) as other:
        assert other.stdout.readline() == "230\n"
        assert private_graph()["ROS_DOMAIN_ID"] == "231"
        with pytest.raises(TavidError, match="all ROS domains"):
            private_graph()
        other.kill()
        other.wait()
    assert private_graph()["ROS_DOMAIN_ID"] == "230"


@pytest.mark.parametrize("given", ["233", "300", "-1", "abc", "1.5", "\u0663", "9" * 5000])
def test_a_domain_that_is_none_is_refused_before_the_middleware_ends_the_process(monkeypatch, capsys, given):
    monkeypatch.setenv("ROS_DOMAIN_ID", given)
    with pytest.raises(TavidError, match="ROS_DOMAIN_ID.*0 to 232"):
        PlanClient()
    assert main(["--ros-args"]) == 2
    assert capsys.readouterr().err.startswith("error: CONFIG_INVALID (109): the environment variable ROS_DOMAIN_ID")


@pytest.mark.parametrize("given", ["", "0", "232"])
def test_a_domain_that_has_ports_is_taken(monkeypatch, given):
    monkeypatch.setenv("ROS_DOMAIN_ID", given)
    isolation.check_domain()


def test_missing_loopback_is_said_in_one_line(monkeypatch):
    def refuse(*_):
        raise OSError("Network is unreachable")

    monkeypatch.setattr(socket.socket, "bind", refuse)
    with pytest.raises(TavidError, match="loopback.*ip link set lo up"):
        private_graph()
