"""The copy of three.js is the one that tools/bundle_three.py makes."""

import hashlib
import re
from pathlib import Path

import tavid_planner.viewer

VIEWER = Path(tavid_planner.viewer.__file__).parent
ROOT = Path(__file__).parents[3]
# of the versions that the tool names
DIGEST = "817e578b6ecfc5df74c8ec1d9433d8833929323e87fd84df881c85efdf0f2a6d"


def test_nobody_has_changed_the_copy_of_three():
    assert hashlib.sha256((VIEWER / "three.min.js").read_bytes()).hexdigest() == DIGEST


def test_its_licence_lies_beside_it_and_is_named_with_the_version():
    assert "The MIT License" in (VIEWER / "three.LICENSE").read_text()
    version = re.search(r'"three@([\d.]+)"', (ROOT / "tools" / "bundle_three.py").read_text()).group(1)
    assert f"three.js {version}" in (ROOT / "THIRD_PARTY.md").read_text()


def test_everything_that_the_view_takes_of_three_is_in_its_list_of_parts():
    taken = set(re.findall(r"THREE\.(\w+)", (VIEWER / "view.js").read_text()))
    listed = set(re.findall(r"\b[A-Z]\w+", (VIEWER / "three_parts.js").read_text().split("export", 1)[1]))
    assert taken == listed
