"""What OpenSSL complains of, in our words, and what helps."""

import re
from dataclasses import dataclass

_VERIFIED = r"certificate verify failed: "
_TRUST = "Let {bundle} name a file with the certificate of its authority (PEM)."
_KINDS = (
    # what is found in the text of an exception; the message about it; what to do next
    (
        r"TLS CA certificate bundle, invalid path: (?P<found>[^\s'\"]+)",
        "cannot be checked: there is no file of certificates at {found}",
        _TRUST,
    ),
    (
        r"(?P<found>NO_CERTIFICATE_OR_CRL_FOUND)",
        "cannot be checked: the file of certificates holds none",
        _TRUST,
    ),
    (
        _VERIFIED + r"(?P<found>[^(\[]*expired[^(\[]*)",
        "shows a certificate that is not valid any more ({found})",
        "Have it renewed; if it is valid, set this machine's clock.",
    ),
    (
        _VERIFIED + r"(?P<found>[^(\[]*not yet valid[^(\[]*)",
        "shows a certificate that is not valid yet ({found})",
        "Set this machine's clock, or the server's.",
    ),
    (
        _VERIFIED + r"(?P<found>[^(\[]*mismatch[^(\[]*)",
        "shows a certificate that was made for another name ({found})",
        "Write the name that the certificate is made for, or have one made for this address.",
    ),
    (
        r"(?P<found>hostname [^(\[]*doesn't match[^(\[]*)",
        "shows a certificate that was made for another name ({found})",
        "Write the name that the certificate is made for, or have one made for this address.",
    ),
    (
        _VERIFIED + r"(?P<found>[^(\[]+)",
        "shows a certificate that this machine does not trust ({found})",
        _TRUST,
    ),
    (
        r"(?P<found>CERTIFICATE_VERIFY_FAILED|certificate verify failed)",
        "shows a certificate that this machine does not trust",
        _TRUST,
    ),
    (
        r"\[SSL: (?P<found>[A-Z0-9_]+)\]|SSLError|SSL validation failed",
        "and this machine do not agree on TLS, nor on a certificate ({found})",
        "Check whether the address is one of http:// or https://, and any proxy on the way.",
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
