"""The words of cdml.yaml for what a gate requires."""

from enum import StrEnum


class RuleKind(StrEnum):
    """What a comparison requires, in the word of cdml.yaml."""

    NON_INFERIORITY = "max_regression"
    SUPERIORITY = "min_improvement"


class BoundEdge(StrEnum):
    """Which side of the value a bound closes, in the word of cdml.yaml."""

    AT_LEAST = "at_least"
    AT_MOST = "at_most"
