"""Results of other settings never mix."""

import json

import pytest

from hoi_motion.errors import ErrorCode, InputError
from training.claims import claim


def test_the_same_settings_go_on_and_others_are_refused_by_name(tmp_path):
    claim(tmp_path / "run.json", {"seed": 0, "size": (96, 144)}, "scores")
    claim(tmp_path / "run.json", {"seed": 0, "size": (96, 144)}, "scores")
    with pytest.raises(InputError, match="holds scores with another seed") as error:
        claim(tmp_path / "run.json", {"seed": 1, "size": (96, 144)}, "scores")
    assert error.value.code is ErrorCode.CONFIG_INVALID
    assert json.loads((tmp_path / "run.json").read_text())["seed"] == 0
