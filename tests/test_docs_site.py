"""The pages of the site name what exists. Building it needs packages that the tests do not: `make docs`."""

import importlib
import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
API_NAMES = sorted(
    name for page in (ROOT / "docs/api").glob("*.md") for name in re.findall(r"^::: (\S+)", page.read_text(), re.M)
)


@pytest.mark.parametrize("name", API_NAMES)
def test_what_the_reference_names_exists_and_is_described(name):
    module, _, attribute = name.rpartition(".")
    assert getattr(importlib.import_module(module), attribute).__doc__


def test_the_navigation_leads_to_pages():
    pages = re.findall(r": (\S+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.M)
    assert len(pages) > 10 and all((ROOT / "docs" / page).is_file() for page in pages)


def test_links_out_of_the_docs_become_paths():
    spec = importlib.util.spec_from_file_location("docs_links", ROOT / "tools/docs_links.py")
    hook = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(hook)
    text = "see [RESULTS.md](../benchmarks/RESULTS.md), [the file](../a.py) and [here](formats.md)"
    assert hook.on_page_markdown(text) == "see `benchmarks/RESULTS.md`, the file (`a.py`) and [here](formats.md)"
