from importlib.machinery import ModuleSpec

import pytest

from tavid_planner.cli import info


def test_every_profile_body_and_interface_is_told(capsys):
    code = info.main([])
    output = capsys.readouterr().out
    for text in ("mini base", "mini adapter", "tavid-5b base", "body", "rclpy", "interfaces", "memory", "torch"):
        assert text in output
    assert code == (4 if "incomplete" in output else 0)


def test_a_missing_model_says_how_to_get_it_and_is_4(monkeypatch, capsys):
    monkeypatch.setattr(info, "models", lambda: [info.Fact("mini base", "not found", "restore it", needed=True)])
    assert info.main([]) == 4
    assert "-> restore it" in capsys.readouterr().out


def test_what_only_other_profiles_need_is_no_failure(monkeypatch, capsys):
    monkeypatch.setattr(info, "versions", list)
    monkeypatch.setattr(info, "models", lambda: [info.Fact("tavid-5b base", "not downloaded", "fetch it")])
    assert info.main([]) == 0
    assert "ready" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_model_folder_is_told_with_size_and_digest(tmp_path, name):
    (tmp_path / name).write_bytes(b"x" * 2**20)
    fact = info._model("custom base", str(tmp_path), needed=False)
    assert "1.0 MiB" in fact.value and "digest" in fact.value and not fact.missing


def test_in_the_checkout_the_sources_of_the_interfaces_are_not_taken_for_them(monkeypatch):
    sources = ModuleSpec(info.INTERFACES, None, is_package=True)
    monkeypatch.setattr(info, "find_spec", lambda name: sources if name == info.INTERFACES else None)
    fact = next(fact for fact in info.ros() if fact.name == "interfaces")
    assert fact.value == "not found: no node" and "pip install" in fact.missing
