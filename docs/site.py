# noqa: INP001 - hooks of mkdocs, no package
"""What the site adds to docs/: the pages outside of it, and links as they are in the repository."""

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parent.parent
OUTSIDE = {
    "README.md": "index.md",
    "SECURITY.md": "security.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "examples/flights/README.md": "example.md",
    "examples/llm/README.md": "example-llm.md",
}
"""Pages of the repository outside of docs/, with their names on the site."""
LINK = re.compile(r"(\]\()([^()\s]+)(\))")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages outside of docs/."""
    for path, name in OUTSIDE.items():
        files.append(File.generated(config, name, abs_src_path=str(ROOT / path)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Lead links between pages to pages of the site, and all others to the repository."""
    name = page.file.src_uri
    written = {site: path for path, site in OUTSIDE.items()}.get(name, f"docs/{name}")

    def translated(link: re.Match[str]) -> str:
        address, _, anchor = link[2].partition("#")
        if not address or re.match(r"[a-z]+:", address):
            return link[0]
        path = posixpath.normpath(posixpath.join(posixpath.dirname(written), address))
        if not (ROOT / path).exists():
            return link[0]  # mkdocs names it, and fails
        site = OUTSIDE.get(path, path.removeprefix("docs/") if path.startswith("docs/") else "")
        if site and files.get_file_from_path(site) is not None:
            target = posixpath.relpath(site, posixpath.dirname(name) or ".")
        else:
            kind = "tree" if (ROOT / path).is_dir() else "blob"
            target = f"{config.extra['repository']}/{kind}/main/{path}"
        return f"{link[1]}{target}{'#' if anchor else ''}{anchor}{link[3]}"

    return LINK.sub(translated, markdown)
