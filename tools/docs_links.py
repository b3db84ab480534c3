"""A hook of mkdocs: links that lead out of docs/ become the path of the file they name.

In the repository such a link opens the file; the site holds only docs/.
"""

import re

OUTSIDE = re.compile(r"\[([^\]]+)\]\(\.\./([^)]+)\)")


def on_page_markdown(markdown: str, **_) -> str:
    return OUTSIDE.sub(_named, markdown)


def _named(link: re.Match) -> str:
    text, path = link.groups()
    return f"`{path}`" if text.strip("`") in path else f"{text} (`{path}`)"
