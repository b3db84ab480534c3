"""launch/plan.launch.py against small stand-ins for `launch` and `launch_ros`, which are not on PyPI."""

import runpy
import sys
import types

import pytest
import yaml

from hoi_motion.options import flat_options
from tavid_planner.config import PlannerConfig, VideoConfig, share_folder
from tavid_planner.ros.config import NodeConfig

LAUNCH_FILE = share_folder() / "launch" / "plan.launch.py"


class Recorded:
    """Remembers its class's name and what it was made with."""

    def __init__(self, *args, **kwargs):
        self.args, self.kwargs = args, kwargs

    def __getattr__(self, name):
        if name == "name" and self.args:  # of a DeclareLaunchArgument
            return self.args[0]
        try:
            return self.kwargs[name]
        except KeyError:
            raise AttributeError(name) from None


class LaunchConfiguration(Recorded):
    def perform(self, context) -> str:
        return context[self.args[0]]


NAMES = {
    "launch": ["LaunchDescription"],
    "launch.actions": ["DeclareLaunchArgument", "OpaqueFunction"],
    "launch.conditions": ["IfCondition"],
    "launch.substitutions": ["PathJoinSubstitution"],
    "launch_ros": [],
    "launch_ros.actions": ["LifecycleNode", "Node"],
    "launch_ros.parameter_descriptions": ["ParameterValue"],
    "launch_ros.substitutions": ["FindPackageShare"],
}


@pytest.fixture
def entities(monkeypatch) -> list[Recorded]:
    for module_name, names in NAMES.items():
        module = types.ModuleType(module_name)
        for name in names:
            setattr(module, name, type(name, (Recorded,), {}))
        monkeypatch.setitem(sys.modules, module_name, module)
    sys.modules["launch.substitutions"].LaunchConfiguration = LaunchConfiguration
    return runpy.run_path(str(LAUNCH_FILE))["generate_launch_description"]().args[0]


@pytest.fixture
def arguments(entities) -> dict[str, Recorded]:
    return {e.args[0]: e for e in entities if type(e).__name__ == "DeclareLaunchArgument"}


def nodes(entities, **given) -> list[Recorded]:
    """What is started with the defaults of all arguments but the given ones."""
    defaults = {e.args[0]: e.default_value for e in entities if type(e).__name__ == "DeclareLaunchArgument"}
    *_, starting = (e for e in entities if type(e).__name__ == "OpaqueFunction")
    return starting.function(defaults | given)


def planner(entities, **given) -> Recorded:
    return nodes(entities, **given)[0]


def test_all_arguments_are_there_and_described(arguments):
    assert set(arguments) == {
        "namespace",
        "params_file",
        "profile",
        "device",
        "use_sim_time",
        "rviz",
        "autostart",
        "log_level",
    }
    assert all(a.description.endswith(".") for a in arguments.values())


def test_choices_hold_the_default_and_fit_the_config(arguments):
    for name in ("device", "use_sim_time", "rviz", "autostart", "log_level"):
        assert arguments[name].default_value in arguments[name].choices
    device = next(field for name, _, field in flat_options(VideoConfig()) if name == "device")
    assert set(arguments["device"].choices) == {"", *device.metadata["choices"]}


def test_planner_is_the_installed_executable_with_the_parameter_file(entities):
    node = planner(entities)
    assert type(node).__name__ == "LifecycleNode"
    assert (node.package, node.executable, node.name) == ("tavid_planner", "tavid-node", "tavid_planner")
    assert node.parameters[0].args[0] == "params_file"


@pytest.mark.parametrize(
    "given, expected",
    [
        ({}, {}),
        ({"profile": "x.yaml", "device": "cpu"}, {"profile": "x.yaml", "video.device": "cpu"}),
        ({"use_sim_time": "true", "autostart": "false"}, {"use_sim_time": "true", "autostart": "false"}),
    ],
)
def test_only_given_arguments_override_the_parameter_file(entities, given, expected):
    overrides = planner(entities, **given).parameters[1:]
    assert [{k: v.args[0] for k, v in each.items()} for each in overrides] == ([expected] if expected else [])


def test_rviz_takes_the_time_of_the_planner(entities):
    planner, rviz = nodes(entities)
    assert [file.args for file in rviz.parameters] == [planner.parameters[0].args] == [("params_file",)]
    assert nodes(entities, use_sim_time="true")[1].parameters[1]["use_sim_time"].args[0] == "true"


def test_overridden_parameters_exist(entities):
    known = {name for config in (NodeConfig(), PlannerConfig()) for name, _, _ in flat_options(config)}
    assert set(planner(entities, profile="mini", device="cpu").parameters[1]) <= known | {"use_sim_time"}


def test_rviz_starts_only_on_request_with_a_config_that_exists(entities):
    rviz = nodes(entities)[1]
    assert rviz.condition.args[0].args[0] == "rviz"
    path = rviz.arguments[1].args[0][1:]
    config = yaml.safe_load(share_folder().joinpath(*path).read_text())
    topics = [d["Topic"]["Value"] for d in config["Visualization Manager"]["Displays"] if "Topic" in d]
    assert {"tavid_planner/markers", "tavid_planner/plan_video"} <= set(topics)


INSTALLED = ["ros2", "launch", "tavid_planner", "plan.launch.py"]
INCLUDING = ["ros2", "launch", "my_robot", "all.launch.py"]


def check_names(entities, monkeypatch, command_line: list[str], given: list[str]) -> None:
    monkeypatch.setattr(sys, "argv", command_line + given)
    checking = next(e for e in entities if type(e).__name__ == "OpaqueFunction")
    checking.function(types.SimpleNamespace(argv=given), *checking.kwargs["args"])


@pytest.mark.parametrize(
    "given, hint",
    [("profil:=mini", "did you mean profile?"), ("checkpoint:=x", "params_file:=FILE"), ("rviz_:=a:=b", "mean rviz?")],
)
@pytest.mark.parametrize("command_line", [INSTALLED, ["ros2", "launch", "-d", str(LAUNCH_FILE)]])
def test_an_argument_that_nobody_declares_ends_the_launch(entities, monkeypatch, command_line, given, hint):
    with pytest.raises(RuntimeError, match="unknown launch argument") as refused:
        check_names(entities, monkeypatch, command_line, ["profile:=mini", given])
    assert hint in str(refused.value) and "\n" not in str(refused.value)


def test_arguments_of_ours_and_of_launch_itself_are_taken(entities, monkeypatch, arguments):
    given = [f"{name}:=x" for name in arguments]
    check_names(entities, monkeypatch, INSTALLED, [*given, "launch-prefix:=gdb -ex run --args", "sigterm_timeout:=20"])


def test_a_launch_file_that_includes_ours_has_arguments_of_its_own(entities, monkeypatch):
    check_names(entities, monkeypatch, INCLUDING, ["camera:=left", "profil:=mini"])
