"""Whether a registry may have a version with some tag: without MLflow, whose import takes 2 s."""

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import quote, unquote, urlencode

from cdml.common.addresses import reveal

_SECONDS = 5
_PLAIN = frozenset({"MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"})
"""Settings of MLflow that say nothing of how a server is reached, or as whom."""
_QUERY = "SELECT count(*) FROM model_version_tags WHERE name = ? AND key = ? AND value = ?"


def may_have_version(
    uri: str, folder: Path, environment: Mapping[str, str], name: str, tag: tuple[str, str]
) -> bool:
    """False only if the registry itself answers that no version of the model has the tag.

    Asked are SQLite files, and servers that are reached without a login; others may have one.
    """
    address = reveal(uri)
    if address.startswith("sqlite:///"):
        path = (folder / unquote(address.removeprefix("sqlite:///"))).resolve()
        with suppress(sqlite3.Error):
            database = sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)
            with closing(database):
                [(found,)] = database.execute(_QUERY, (name, *tag))
                return bool(found)
        return True
    set_ = {one for one in environment if one.startswith("MLFLOW_")} - _PLAIN
    homes = (Path.home() / ".netrc", Path.home() / ".mlflow")
    plain = address.startswith(("http://", "https://")) and "@" not in address
    if not plain or set_ or any(home.exists() for home in homes) or "'" in name:
        return True
    return _server_has_version(address, name, tag)


def _server_has_version(address: str, name: str, tag: tuple[str, str]) -> bool:
    import urllib.request

    query = urlencode({"filter": f"name = '{name}' AND tags.`{tag[0]}` = '{tag[1]}'"})
    url = f"{address.rstrip('/')}/api/2.0/mlflow/model-versions/search?{query}"
    with suppress(OSError, ValueError):
        with urllib.request.urlopen(url, timeout=_SECONDS) as answer:  # noqa: S310 - http(s) only
            found = json.load(answer)
        if isinstance(found, dict) and not found.keys() - {"model_versions", "next_page_token"}:
            return bool(found)
    return True
