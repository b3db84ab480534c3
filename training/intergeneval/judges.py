"""Which judges there are, by name."""

import os
from collections.abc import Callable

from tavid_planner.errors import ErrorCode, InputError
from training.intergeneval.endpoint import KEY_VARIABLE, EndpointJudge
from training.intergeneval.geometric import GeometricJudge
from training.intergeneval.judged_clip import Judge
from training.intergeneval.vision_language import VisionLanguageJudge


def _geometric(model: str, url: str, device: str) -> Judge:
    return GeometricJudge()


def _vision_language(model: str, url: str, device: str) -> Judge:
    return VisionLanguageJudge(
        _needed(model, "--model", "a folder with a vision-language model of transformers"), device
    )


def _http(model: str, url: str, device: str) -> Judge:
    address = _needed(url, "--url", "the address of an endpoint that speaks OpenAI's chat completions")
    return EndpointJudge(address, model, os.environ.get(KEY_VARIABLE, ""))


JUDGES: dict[str, Callable[[str, str, str], Judge]] = {
    "geometric": _geometric,
    "vision-language": _vision_language,
    "http": _http,
}


def judge_named(name: str, model: str = "", url: str = "", device: str = "cpu") -> Judge:
    """Raises: InputError: CONFIG_INVALID for an unknown name, or when what it needs is not given."""
    if name not in JUDGES:
        raise InputError(ErrorCode.CONFIG_INVALID, f"unknown judge {name!r}", f"valid names: {', '.join(JUDGES)}")
    return JUDGES[name](model, url, device)


def _needed(value: str, option: str, what: str) -> str:
    if not value:
        raise InputError(ErrorCode.CONFIG_INVALID, f"{option} is missing", f"give {what}")
    return value
