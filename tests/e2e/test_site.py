"""The site of the documents: it builds without a broken link, can be searched, and fits a phone."""

import functools
import http.server
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[2]
UV = Path(sys.executable).with_name("uv")
BUILD = (
    *(UV, "run", "--no-project", "--quiet"),
    *("--with-requirements", ROOT / "requirements/docs.txt"),
    *("mkdocs", "build"),
)
PHONE, DESKTOP = 390, 1280


def build(project: Path, site: Path) -> "subprocess.CompletedProcess[str]":
    command = [*BUILD, "--config-file", project / "mkdocs.yml", "--site-dir", site]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    return subprocess.run(
        [str(part) for part in command],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        """Nothing on the console."""


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    done = build(ROOT, folder)
    assert done.returncode == 0, done.stdout + done.stderr
    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", folder
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as engine:
        chromium = engine.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        yield chromium
        chromium.close()


@pytest.mark.long
def test_every_page_fits_a_phone_and_a_desk_and_loads_nothing_from_elsewhere(address, browser):
    start, folder = address
    pages = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.html"))
    assert {"index.html", "configuration.html", "guides/permissions.html"} <= set(pages)
    for width in (PHONE, DESKTOP):
        page = browser.new_page(viewport={"width": width, "height": 900})
        asked = []
        page.on("request", lambda request, asked=asked: asked.append(request.url))
        wide = []
        for name in pages:
            page.goto(f"{start}/{name}")
            if page.evaluate("document.documentElement.scrollWidth") > width:
                wide.append(name)
        assert [] == wide, width
        assert [] == [url for url in asked if not url.startswith((start, "data:"))]
        page.close()


@pytest.mark.long
def test_a_reader_finds_a_page_by_a_word(address, browser):
    start, _ = address
    page = browser.new_page(viewport={"width": DESKTOP, "height": 900})
    page.goto(f"{start}/index.html")
    page.keyboard.press("/")
    page.keyboard.type("max_regression")
    page.wait_for_selector(".md-search-result__item a")
    links = page.eval_on_selector_all(".md-search-result__link", "all => all.map(a => a.href)")
    page.close()

    assert any("/configuration.html" in link for link in links), links


@pytest.mark.long
@pytest.mark.parametrize("link", ["gone.md", "data.md#nowhere"])
def test_a_link_that_leads_nowhere_fails_the_build(tmp_path, link):
    for name in ("docs", "examples"):
        shutil.copytree(ROOT / name, tmp_path / name)
    for path in (*ROOT.glob("*.md"), ROOT / "mkdocs.yml"):
        shutil.copy(path, tmp_path)
    page = tmp_path / "docs" / "glossary.md"
    page.write_text(page.read_text(encoding="utf-8") + f"\n[a]({link})\n", encoding="utf-8")

    done = build(tmp_path, tmp_path / "site")

    assert done.returncode != 0
    assert link.partition("#")[0] in done.stdout + done.stderr
