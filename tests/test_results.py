"""Numbers that pages quote are the ones that were measured: benchmarks/results is the one place where they stand."""

import re

import pytest

from benchmarks import report
from benchmarks.results import QUOTES, ROOT, Result, Value, read_results, running_command, wrong_quotes
from hoi_motion.errors import ErrorCode, InputError

RESULT = Result(
    "speed",
    "how fast",
    "python -m benchmarks.speed",
    "2026-01-01",
    "abc1234",
    "a processor, 2 cores",
    {"share": Value(0.873, interval=(0.761, 0.934)), "time": Value(1234.56, "s"), "none": Value(0.0)},
)


def pages() -> list:
    """What may quote results: README, docs, and code and configs with their reasons."""
    found = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
    for folder in ("hoi_motion", "tavid_planner", "training", "config"):
        found += sorted(p for p in (ROOT / folder).rglob("*") if p.suffix in (".py", ".yaml"))
    return found


@pytest.fixture(scope="module")
def results():
    return read_results()


def test_every_quoted_number_is_the_measured_one(results):
    wrong = {str(page.relative_to(ROOT)): wrong_quotes(page.read_text(), results) for page in pages()}
    assert {page: lines for page, lines in wrong.items() if lines} == {}


def test_the_readme_table_is_the_one_that_the_results_make(results):
    text = (ROOT / "README.md").read_text()
    assert report.with_table(text, results) == text, "run python -m benchmarks.report"


def test_the_results_page_is_the_one_that_the_results_make(results):
    assert report.results_page(results) == report.PAGE.read_text(), "run python -m benchmarks.report"


def test_one_changed_digit_of_a_quote_is_found(results):
    """In a copy of every page, each quoted number in turn with its last digit changed."""
    changed = 0
    for page in pages():
        text = page.read_text()
        for quote in (match for pattern in QUOTES for match in pattern.finditer(text)):
            end = quote.end("number")
            copy = text[: end - 1] + str((int(text[end - 1]) + 1) % 10) + text[end:]
            assert len(wrong_quotes(copy, results)) == 1, quote.group()
            changed += 1
    assert changed > 10


def test_one_changed_digit_of_the_readme_table_is_found(results):
    text = (ROOT / "README.md").read_text()
    digits = [m.start() for m in re.finditer(r"\d", report.readme_table(results))]
    start = text.index(report.readme_table(results))
    for at in (start + digit for digit in digits):
        copy = text[:at] + str((int(text[at]) + 1) % 10) + text[at + 1 :]
        assert report.with_table(copy, results) != copy


def test_a_quote_may_be_rounded_and_may_be_an_end_of_the_interval():
    interval = "[0.76<!-- speed.share.low -->, 0.9<!-- speed.share.high -->]"
    assert wrong_quotes(f"0.87<!-- speed.share --> {interval}", {"speed": RESULT}) == []
    assert wrong_quotes("1,235<!-- speed.time --> s", {"speed": RESULT}) == []
    assert wrong_quotes("# 0.873 [result speed.share] of all", {"speed": RESULT}) == []


@pytest.mark.parametrize(
    "text, complaint",
    [
        ("0.88<!-- speed.share -->", "the result is 0.87"),
        ("0.87 [result speed.shares]", "no such result"),
        ("0.87<!-- size.share -->", "no such result"),
        ("0<!-- speed.none.low -->", "no interval"),
        ("about <!-- speed.share -->", "no number before it"),
        ("about [result speed.share]", "no number before it"),
    ],
)
def test_a_wrong_quote_is_named_with_what_is_right(text, complaint):
    (line,) = wrong_quotes(text, {"speed": RESULT})
    assert complaint in line


def test_a_result_comes_back_from_its_file_as_it_was(tmp_path):
    path = RESULT.write(tmp_path)
    assert path.name == "speed.json" and Result.read(path) == RESULT
    assert read_results(tmp_path) == {"speed": RESULT}


def test_a_damaged_result_is_named(tmp_path):
    (tmp_path / "speed.json").write_text('{"name": "speed"}')
    with pytest.raises(InputError, match="speed.json is not a result") as raised:
        read_results(tmp_path)
    assert raised.value.code is ErrorCode.FILE_INVALID


def test_the_command_of_a_result_leaves_out_what_changes_no_number():
    words = [
        "--count",
        "60",
        "--out",
        "runs/x",
        "--save",
        "--depth",
        "--overlays=there",
        "--save",
        "mine",
        "--fps",
        "8",
    ]
    assert running_command(words).endswith(" --count 60 --depth --fps 8")


def test_every_row_of_the_readme_that_has_a_result_can_be_filled(results):
    table = report.readme_table(results)
    assert table.count("\n") == 1 + sum(row.result in results for row in report.ROWS)
