import pytest
import yaml

from hoi_motion.options import to_mapping
from tavid_planner.config import (
    PlanLiftConfig,
    PlannerConfig,
    load_profile,
    option_help,
    profile_names,
    resolve_model,
    with_operators_options,
    with_options,
)
from tavid_planner.errors import ErrorCode, InputError


def test_the_default_profile_is_the_defaults_of_the_dataclasses_but_for_the_keypoints_of_its_blurred_clips():
    assert load_profile("mini") == PlannerConfig(lift=PlanLiftConfig(keypoints="low-resolution"))
    assert load_profile("tavid-5b").lift.keypoints == load_profile("custom").lift.keypoints == "mediapipe"


@pytest.mark.parametrize("name", ["mini", "tavid-5b", "wan-5b", "custom"])
def test_every_profile_is_named_as_its_file(name):
    assert name in profile_names()
    assert load_profile(name).name == name


def test_tavid_5b_has_the_settings_of_the_released_inference():
    video = load_profile("tavid-5b").video
    assert (video.height, video.width, video.num_frames, video.fps) == (480, 720, 49, 8.0)
    assert (video.num_inference_steps, video.guidance_scale, video.guidance) == (50, 6.0, "released")
    assert (video.scheduler, video.dtype, video.mask_reduction) == ("dpm", "bfloat16", "nearest")


def test_a_profile_written_as_yaml_is_loaded_as_it_was(tmp_path):
    config = with_options(PlannerConfig(), ["video.height=64", "video.guidance=step_index"])
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(to_mapping(config)))
    assert load_profile(str(tmp_path / "mine.yaml")) == config


def test_an_unknown_profile_lists_the_valid_names():
    with pytest.raises(InputError) as error:
        load_profile("nonsense")
    assert error.value.code is ErrorCode.CONFIG_INVALID
    assert "mini" in error.value.hint and "tavid-5b" in error.value.hint


@pytest.mark.parametrize(
    "text",
    [
        "video: {nonsense: 1}",
        "video: {height: 3}",
        "video: {height: tall}",
        "video: [1]",
        "- 1",
        "video: {: :",
        "video: {dtype: int8}",
    ],
)
def test_a_bad_profile_file_is_refused(tmp_path, text):
    (tmp_path / "bad.yaml").write_text(text)
    with pytest.raises(InputError) as error:
        load_profile(str(tmp_path / "bad.yaml"))
    assert error.value.code is ErrorCode.CONFIG_INVALID


def test_a_missing_profile_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="no file"):
        load_profile(str(tmp_path / "none.yaml"))


def test_options_are_changed_by_text():
    config = with_options(PlannerConfig(), ["video.height=64", "video.capture_attention=false", "lift.body_model="])
    assert (config.video.height, config.video.capture_attention, config.lift.body_model) == (64, False, "")
    assert config.check == PlannerConfig().check


@pytest.mark.parametrize(
    "text",
    ["video.height", "=3", "video.nonsense=1", "nonsense.height=1", "video.height.x=1", "video.height=[", "video=3"],
)
def test_a_bad_option_text_is_refused(text):
    with pytest.raises(InputError) as error:
        with_options(PlannerConfig(), [text])
    assert error.value.code is ErrorCode.CONFIG_INVALID


def test_option_help_names_every_option_of_every_section():
    text = option_help(PlannerConfig())
    for section in ("video", "lift", "check"):
        for name in to_mapping(PlannerConfig())[section]:
            assert f"{section}.{name}" in text


def test_a_tilde_stands_for_the_home_folder_in_the_path_of_a_profile_and_of_a_model(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "mine.yaml").write_text("name: mine\n")
    assert load_profile("~/mine.yaml").name == "mine"
    assert resolve_model("~/model") == str(tmp_path / "model")


def test_what_an_operator_has_set_holds_for_another_profile_but_for_the_model():
    own = load_profile("mini")
    set_by_hand = ["video.device=cpu", "video.num_inference_steps=2", "lift.iterations=11", "robot.name=panda"]
    found = with_operators_options(load_profile("wan-5b"), own, with_options(own, set_by_hand))
    assert (found.name, found.video.device, found.lift.iterations, found.robot.name) == ("wan-5b", "cpu", 11, "panda")
    assert found.video.num_inference_steps == 50 and found.video.memory == "auto"  # the profile's: nobody set it


def test_what_nobody_has_set_is_as_the_profile_says():
    own = load_profile("mini")
    assert with_operators_options(load_profile("tavid-5b"), own, own) == load_profile("tavid-5b")


def test_what_an_operator_has_set_and_the_profile_excludes_is_named(tmp_path):
    (tmp_path / "mine.yaml").write_text("name: mine\nvideo: {compiled: true}\n")
    own = load_profile("mini")
    with pytest.raises(InputError, match="video.compiled cannot be combined with video.memory=sequential"):
        with_operators_options(
            load_profile(str(tmp_path / "mine.yaml")), own, with_options(own, ["video.memory=sequential"])
        )
