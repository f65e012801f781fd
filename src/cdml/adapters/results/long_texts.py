"""Long texts are stored as their beginning and what distinguishes them from other texts."""

LONGEST_TEXT = 10_000
"""Characters of a text that is stored as it is."""
_BEGINNING = 200


def shorten(text: str) -> str:
    """The text, or what is stored of a long one."""
    if len(text) <= LONGEST_TEXT:
        return text
    from cdml.evidence.store import text_digest

    digest = text_digest(text.encode("utf-8", "replace").decode())
    return f"{text[:_BEGINNING]}… ({len(text):,} characters, {digest})"


def shortened(text: str) -> str:
    """What `shorten` gives, of an expression in the engine's language."""
    return (
        f"CASE WHEN strlen({text}) <= {LONGEST_TEXT} OR length({text}) <= {LONGEST_TEXT}"
        f" THEN {text} ELSE left({text}, {_BEGINNING}) || '… (' || format('{{:,}}', length({text}))"
        f" || ' characters, sha256:' || sha256({text}) || ')' END"
    )
