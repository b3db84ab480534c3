import argparse

import pytest

from training import analyse_attention, evaluate
from training.arguments import given_path, positive, positive_number
from training.bench import told_apart
from training.configuration import AdapterConfig
from training.intergeneval import __main__ as intergeneval


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "x", "", "²"])
def test_what_is_no_positive_whole_number_is_refused(text):
    with pytest.raises(argparse.ArgumentTypeError):
        positive(text)
    assert positive("12") == 12


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "x", ""])
def test_what_is_no_number_above_0_is_refused(text):
    with pytest.raises(argparse.ArgumentTypeError):
        positive_number(text)
    assert positive_number("2e-3") == 0.002


def test_an_empty_path_is_not_the_current_folder(tmp_path):
    assert given_path(str(tmp_path)) == tmp_path
    with pytest.raises(argparse.ArgumentTypeError, match="its value is empty"):
        given_path("")


@pytest.mark.parametrize(
    "options, said",
    [
        (["--matrix"], "--matrix goes with --ablation"),
        (["--ablation", "--pairs", "cache"], "--pairs goes with --ablation --matrix"),
        (["--rows", "spa"], "--rows goes with --ablation"),
        (["--classes", "far"], "--classes goes with --bench"),
        (["--ablation", "--classes", "far"], "--classes goes with --bench"),
        (["--bench", "--ablation"], "ask for one of them"),
    ],
)
def test_an_option_of_another_evaluation_is_refused(options, said, capsys):
    with pytest.raises(SystemExit) as ended:
        evaluate.main(options)
    assert ended.value.code == 2 and said in capsys.readouterr().err


@pytest.mark.parametrize(
    "command, options",
    [
        (evaluate.main, ["--count", "0"]),  # which was the default, 60
        (evaluate.main, ["--count", "-2"]),  # which was all but the last two, or none
        (evaluate.main, ["--ablation", "--seeds", "0"]),
        (evaluate.main, ["--ablation", "--minutes-per-run", "nan"]),
        (told_apart.main, ["--adapter", "nothing", "--cache", "x", "--count", "-1"]),
        (intergeneval.main, ["--count", "-1"]),
        (analyse_attention.main, ["--out", "x", "--count", "0"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else value.__module__,
)
def test_a_number_that_counts_nothing_is_refused(command, options, capsys):
    with pytest.raises(SystemExit) as ended:
        command(options)
    assert ended.value.code == 2 and f"argument {options[-2]}: {options[-1]!r}" in capsys.readouterr().err


def test_a_tilde_stands_for_the_home_folder_in_arguments_and_options(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert given_path("~/run") == tmp_path / "run"
    with pytest.raises(argparse.ArgumentTypeError, match="there is no home folder ~nobody-here"):
        given_path("~nobody-here/run")
    config = AdapterConfig(out="~/run", base="~/base", cache="~/cache", init="owner/name")
    names = {name: str(tmp_path / name) for name in ("run", "base", "cache")}
    assert (config.out, config.base, config.cache, config.init) == (*names.values(), "owner/name")
