"""Why a deployment is refused, each reason with the name that `--override` takes."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from cdml.common.suggest import unknown
from cdml.errors import ConfigurationError, Refused


class Refusal(StrEnum):
    """The names of the refusals."""

    NO_EVIDENCE = "no-evidence"  # nobody judged this version, or no trace of it is left
    VERDICT = "verdict"  # what was measured does not pass the deployed configuration
    DATA = "data"  # it was judged on other rows than the deployed configuration names
    DIGEST = "digest"  # the bytes are not those that were judged
    CHAMPION_MOVED = "champion-moved"  # it was compared with another model than serves
    QUARANTINED = "quarantined"  # it was rolled back


@dataclass(frozen=True, slots=True, kw_only=True)
class Objection:
    """Something that speaks against a deployment.

    Attributes:
        refusal: its name.
        message: one sentence.
        hint: what to do next.
    """

    refusal: Refusal
    message: str
    hint: str


def chosen(names: Sequence[str], reason: str) -> frozenset[Refusal]:
    """The refusals that somebody overrides.

    Raises:
        ConfigurationError: there is no such refusal, or no reason was given.
    """
    for name in names:
        if name not in set(Refusal):
            raise ConfigurationError(unknown("refusal", name, map(str, Refusal)))
    if names and not reason.strip():
        raise ConfigurationError(
            f"--override {names[0]} needs a reason.", "Say why with --reason; the journal keeps it."
        )
    return frozenset(Refusal(name) for name in names)


def settle(objections: Sequence[Objection], overrides: frozenset[Refusal]) -> tuple[Refusal, ...]:
    """The overrides that were needed.

    Raises:
        Refused: an objection stands; the first one by name, the others in the message.
    """
    standing = [one for one in objections if one.refusal not in overrides]
    if standing:
        others = sorted({str(one.refusal) for one in standing[1:]} - {str(standing[0].refusal)})
        more = f" There is more against it: {', '.join(others)}." if others else ""
        raise Refused(
            f"Refused ({standing[0].refusal}): {standing[0].message}{more}",
            f"{standing[0].hint} `--override {standing[0].refusal} --reason …` ships it all the"
            " same, and the journal says so.",
            reason=standing[0].refusal,
        )
    return tuple(sorted({one.refusal for one in objections}))
