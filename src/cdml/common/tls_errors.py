"""What OpenSSL complains of, in our words, and what helps."""

import re
from dataclasses import dataclass

_VERIFIED = r"certificate verify failed: "
_TRUST = "Set {bundle} to a PEM file with the certificate of its authority."
_KINDS = (
    # what is found in the text of an exception; the message about it; what to do next
    (
        r"TLS CA certificate bundle, invalid path: (?P<found>[^\s'\"]+)",
        "cannot be verified: there is no certificate file at {found}",
        _TRUST,
    ),
    (
        r"(?P<found>NO_CERTIFICATE_OR_CRL_FOUND)",
        "cannot be verified: the certificate file is empty",
        _TRUST,
    ),
    (
        _VERIFIED + r"(?P<found>[^(\[]*expired[^(\[]*)",
        "has an expired certificate ({found})",
        "Renew it. If it is still valid, correct this machine's clock.",
    ),
    (
        _VERIFIED + r"(?P<found>[^(\[]*not yet valid[^(\[]*)",
        "has a certificate that is not valid yet ({found})",
        "Correct this machine's clock, or the server's.",
    ),
    (
        _VERIFIED + r"(?P<found>[^(\[]*mismatch[^(\[]*)",
        "has a certificate for another name ({found})",
        "Use the name in the certificate, or get a certificate for this address.",
    ),
    (
        r"(?P<found>hostname [^(\[]*doesn't match[^(\[]*)",
        "has a certificate for another name ({found})",
        "Use the name in the certificate, or get a certificate for this address.",
    ),
    (
        _VERIFIED + r"(?P<found>[^(\[]+)",
        "has a certificate that this machine does not trust ({found})",
        _TRUST,
    ),
    (
        r"(?P<found>CERTIFICATE_VERIFY_FAILED|certificate verify failed)",
        "has a certificate that this machine does not trust",
        _TRUST,
    ),
    (
        r"\[SSL: (?P<found>[A-Z0-9_]+)\]|SSLError|SSL validation failed",
        "and this machine could not agree on a TLS connection ({found})",
        (
            "Check that the address starts with the right one of http:// and https://, and check"
            " any proxy in between."
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong with a connection over TLS (after "the server "), and what to do next."""

    description: str
    hint: str


def explain_tls_error(text: str, bundle: str) -> Trouble | None:
    """What a text says of a certificate, or None; `bundle` names variables of trusted ones."""
    for pattern, problem, hint in _KINDS:
        if match := re.search(pattern, text):
            offered = (match["found"] or "no common version").strip(" .,").replace("_", " ")
            offered = offered.lower() if offered.isupper() else offered
            return Trouble(problem.format(found=offered), hint.format(bundle=bundle))
    return None
