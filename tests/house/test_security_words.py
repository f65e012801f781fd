"""SECURITY.md names the test that shows a sentence; the test must be there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_each_test_that_security_md_names_is_there():
    named = re.findall(
        r"`(tests/[\w/]+\.py)::(test_\w+)`", (ROOT / "SECURITY.md").read_text("utf-8")
    )
    missing = [
        f"{file}::{test}"
        for file, test in named
        if f"def {test}(" not in (ROOT / file).read_text("utf-8")
    ]

    assert named
    assert [] == missing
