"""Data sets of anyone: what stands in their files of facts is refused by name, whatever it is."""

import json

import pytest

from tavid_planner.errors import ErrorCode, TavidError
from tests.training.data import test_behave, test_ego_exo
from training.data.annotate import read_prompt
from training.data.sources import load, open_source

ODD = {
    "nested": "[" * 100_000,
    "list": "[1, [2]]",
    "null": "null",
    "number in place of a table": '{"annotations": 3, "cat": 3, "kinects": 3, "0": 3, "box": 3}',
    "list in place of a name": '{"annotations": {"0a1b": {"object_masks": [1]}}, "cat": ["a"], "kinects": ["b"]}',
    "not a number": '{"cat": NaN, "kinects": NaN, "0": NaN, "point": NaN}',
    "outside": '{"cat": "../../outside", "kinects": [1]}',
}


def behave(root):
    test_behave.write_sequence(root)
    return sorted(root.rglob("info.json"))


def ego_exo(root):
    test_ego_exo.write_dataset(root)
    return sorted(root.rglob("*.json"))


@pytest.mark.parametrize("data_set", [behave, ego_exo])
@pytest.mark.parametrize("odd", ODD)
def test_odd_facts_are_refused_by_name(tmp_path, data_set, odd):
    for path in data_set(tmp_path):
        before = path.read_bytes()
        path.write_text(ODD[odd])
        with pytest.raises(TavidError) as caught:
            source = open_source(tmp_path, 5)
            for name in source.names():
                load(source, name)
            pytest.fail(f"{path.name} with {odd} was read")
        assert caught.value.code is ErrorCode.FILE_INVALID and len(caught.value.message) < 2000
        path.write_bytes(before)


@pytest.mark.parametrize("odd", ODD)
def test_odd_prompt_is_refused_by_name(tmp_path, odd):
    path = tmp_path / "a.json"
    path.write_text(ODD[odd])
    with pytest.raises(TavidError) as caught:
        read_prompt(path, 48, 64)
    assert caught.value.code is ErrorCode.FILE_INVALID


@pytest.mark.parametrize("root_dir", ["/etc", "takes/../../other"])
def test_a_take_outside_its_data_set_is_not_opened(tmp_path, root_dir):
    test_ego_exo.write_dataset(tmp_path)
    path = tmp_path / "takes.json"
    [take] = json.loads(path.read_text())
    path.write_text(json.dumps([{**take, "root_dir": root_dir}]))
    source = open_source(tmp_path, 5)
    with pytest.raises(TavidError, match="is not below"):
        load(source, source.names()[0])
