"""Every link from one of our pages to another leads to a page and a heading that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("*.md"), *sorted((ROOT / "docs").rglob("*.md")), *ROOT.glob("examples/*/*.md")]


def prose(page_text: str) -> str:
    """A page without its blocks of code."""
    return re.sub(r"^```.*?^```", "", page_text, flags=re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives the page's headings."""
    text = prose(page.read_text(encoding="utf-8"))
    slugs: list[str] = []
    found: list[str] = []
    for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        slug = re.sub(r"[^\w\- ]", "", plain).strip().replace(" ", "-")
        again = slugs.count(slug)
        slugs.append(slug)
        found.append(f"{slug}-{again}" if again else slug)
    return {*found, *re.findall(r'<a (?:id|name)="([^"]+)"', text)}


def broken(page: Path, text: str) -> list[str]:
    """The links of a text on a page that lead nowhere."""
    lost = []
    for link in re.findall(r"\]\(([^()\s]+)\)", prose(text)):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            lost.append(link)
    return lost


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_no_link_is_broken(page):
    assert [] == broken(page, page.read_text(encoding="utf-8"))


def test_a_broken_link_is_found():
    page = ROOT / "README.md"

    assert ["gone.md", "SECURITY.md#nowhere", "#nor-here"] == broken(
        page,
        "[a](gone.md) [b](SECURITY.md#nowhere) [c](#nor-here) [d](SECURITY.md) [e](https://e.org)",
    )
