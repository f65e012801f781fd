"""What is wrong with a document, in the words of its schema."""

from pydantic import ValidationError


def first_problem(error: ValidationError) -> str:
    """Where the first error is, and what it is; nothing of what the document holds."""
    first = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, first['loc'])) or 'the document'}: {first['msg']}"
