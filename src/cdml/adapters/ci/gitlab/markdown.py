"""A report's Markdown as GitLab takes it: with what means nothing at GitHub made harmless, too."""

import re

_QUICK_ACTION = re.compile(r"(?im)^([ \t]*)/(?=[a-z])")
_SPLIT = "\u200b"  # a space of no width
_TOKEN = re.compile(
    r"""
    (?P<untouched>```.*?```|`[^`\n]+`|<(?P<tag>code|pre)\b[^>]*>.*?</(?P=tag)>|<!--.*?-->
      |</?[a-z][^>]*>|\]\([^()\s]*\))
    |(?P<mark>&\#(?:33|35|36|37|38|42|64|91|94|123|126);|&amp;|[!\#%^~@](?=[\w"'{&])
      |&(?=\d)|\{(?=[-+])|\b[A-Z][A-Z\d]+-(?=\d))
    |(?P<entity>&\#?\w+;)
    """,
    re.VERBOSE | re.DOTALL,
)
_IN_TITLE = re.compile(r"[!#%^~@&$*\[{:](?=\S)|\b[A-Z][A-Z\d]+-(?=\d)")


def neutralise_title(title: str) -> str:
    """A title without references: GitLab follows them there too, and reads no other Markdown."""
    return _IN_TITLE.sub(lambda mark: f"{mark[0]}{_SPLIT}", title)


def neutralise(body: str) -> str:
    """A body without quick actions, such as `/close`, and without references, such as `!1`.

    GitLab carries out a line that begins with a quick action. It looks for references to merge
    requests, issues, labels, milestones, people and others in the rendered text outside of code,
    where entities are gone: a space of no width behind the mark splits them. A dollar sign is an
    entity, which opens no formula. A commit's digest stays a link, which notifies nobody.
    """
    split = _TOKEN.sub(_split, body.replace("$", "&#36;"))
    return _QUICK_ACTION.sub(r"\1&#47;", split)


def _split(token: re.Match[str]) -> str:
    at_end = token.string[token.end() : token.end() + 1] in {"", " ", "\n", _SPLIT}
    return f"{token[0]}{_SPLIT}" if token["mark"] and not at_end else token[0]
