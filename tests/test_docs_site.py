"""The pages of the site name what exists. Building it needs packages that the tests do not: `make docs`."""

import importlib
import importlib.util
import inspect
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


def described_functions():
    """The functions of the reference, and the public ones of its classes."""
    for name in API_NAMES:
        module, _, attribute = name.rpartition(".")
        thing = getattr(importlib.import_module(module), attribute)
        members = vars(thing).items() if inspect.isclass(thing) else [(attribute, thing)]
        for member, function in members:
            function = getattr(function, "__func__", function)
            if inspect.isfunction(function) and not member.startswith("_"):
                yield f"{name}.{member}", function


@pytest.mark.parametrize("function", [pytest.param(f, id=name) for name, f in described_functions()])
def test_what_a_docstring_calls_an_argument_is_one(function):
    # mkdocstrings warns of any other, which ends the strict build of the site
    section = re.search(r"^Args:\n((?: {4}.*\n?|\n)*)", inspect.getdoc(function) or "", re.M)
    described = set(re.findall(r"^ {4}(\S[^:]*):", section[1], re.M)) if section else set()
    parameters = inspect.signature(function).parameters
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    assert takes_any or described <= set(parameters)


def test_the_navigation_leads_to_pages():
    pages = re.findall(r": (\S+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.M)
    assert len(pages) > 10 and all((ROOT / "docs" / page).is_file() for page in pages)


def test_links_out_of_the_docs_become_paths():
    spec = importlib.util.spec_from_file_location("docs_links", ROOT / "tools/docs_links.py")
    hook = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(hook)
    text = "see [RESULTS.md](../benchmarks/RESULTS.md), [the file](../a.py) and [here](formats.md)"
    assert hook.on_page_markdown(text) == "see `benchmarks/RESULTS.md`, the file (`a.py`) and [here](formats.md)"
