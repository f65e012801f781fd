"""Which version a deploy ships: the one that is named, or the one that this push brought."""

from cdml.ci.code_host import CodeHost, Commit, PullRequest, PushedCommit
from cdml.common.verdict import Verdict
from cdml.config import LoadedConfig
from cdml.delivery.operation.outcome import Nothing
from cdml.delivery.ports import DeliveryPorts
from cdml.errors import InputError
from cdml.models import uri
from cdml.models.registry import ModelVersion, Registry

_NAME_ONE = "To choose a version, use --model VERSION."
_PASSED = (Verdict.PASS.value, Verdict.WARN.value, None)


def find_version(
    loaded: LoadedConfig, ports: DeliveryPorts, model: str | None
) -> ModelVersion | Nothing:
    """The version that is named, or the one that this push's pull requests registered.

    Of several it is the last one, in the order of the commits, that passed; `Nothing` where the
    code host says that no gate ran.

    Raises:
        InputError: there is none though a gate ran or may have run, or it is of another model.
        ServiceError: the registry or the code host does not answer.
    """
    name = loaded.config.model
    if model is None:
        return _of_this_push(name, ports)
    if uri.is_version(model):
        return ports.registry.version(name, model)
    version = ports.registry.resolve(model)
    if version is None or version.name != name:
        raise InputError(
            f"{model} is not a version of {name}.",
            f"Write --model 3, models:/{name}/3 or models:/{name}@alias. To register a model,"
            " run `cdml gate --register`.",
        )
    return version


def _of_this_push(name: str, ports: DeliveryPorts) -> ModelVersion | Nothing:
    sha = ports.ci_run.commit()
    checked_out = (PushedCommit(sha=sha),) if sha else ()
    pushed = ports.code_host.pushed() if ports.code_host else checked_out
    if not pushed:
        raise InputError("There is no commit to look up the version by.", _NAME_ONE)
    versions = ports.registry.find(name, {})
    positions: dict[str, int] = {}
    for position, commit in enumerate(pushed):
        heads = {(str(one.number), one.head) for one in commit.merged}
        for version in versions:
            tags = version.tags
            came = (tags.get("cdml.pull_request", ""), tags.get("cdml.commit", "")) in heads
            if came or tags.get("cdml.commit") == commit.sha:
                positions[version.version] = position
    matching = [version for version in versions if version.version in positions]
    if not matching:
        requests = tuple({one.number: one for commit in pushed for one in commit.merged}.values())
        return _none(name, versions, requests, Commit(sha=pushed[-1].sha), ports)
    passed = [one for one in matching if one.tags.get("cdml.verdict") in _PASSED]
    last = max(
        passed or matching,
        key=lambda one: (positions[one.version], "cdml.evidence" in one.tags, int(one.version)),
    )
    others = [_labelled(one) for one in matching if one is not last]
    if others:
        ports.progress.note(
            f"This push contains {len(matching)} versions of {name}; {_labelled(last)} is the"
            f" last one that passed. Not deployed: {', '.join(others)}."
        )
    return last


def _labelled(version: ModelVersion) -> str:
    """`v3 (#7)`; a verdict that does not allow a deploy is named, too."""
    request, verdict = (version.tags.get(f"cdml.{tag}") for tag in ("pull_request", "verdict"))
    labels = [f"#{request}"] if request else []
    labels += [f"verdict {verdict}"] if verdict not in _PASSED else []
    return f"v{version.version}" + (f" ({', '.join(labels)})" if labels else "")


def _none(
    name: str,
    versions: tuple[ModelVersion, ...],
    requests: tuple[PullRequest, ...],
    commit: Commit,
    ports: DeliveryPorts,
) -> Nothing:
    """That no gate ran, so that there is nothing to deploy.

    Raises:
        InputError: one did, or nobody can say.
    """
    for request in requests:
        for version in versions:
            if version.tags.get("cdml.pull_request") == str(request.number):
                raise InputError(
                    f"v{version.version} of {name} was registered from pull request"
                    f" #{request.number} at commit {version.tags.get('cdml.commit', '?')[:12]},"
                    f" but {request.head[:12]} was merged.",
                    f"The gate passed an earlier commit. {_NAME_ONE}",
                )
    origins: list[str] = []
    for on in requests or (commit,):
        origin = f"commit {on.sha[:12]}" if isinstance(on, Commit) else f"pull request #{on.number}"
        sign = _sign(name, on, ports.code_host, ports.registry)
        if sign:
            raise InputError(
                f"No version of {name} was registered from {origin}{sign}.",
                f"`cdml gate --register` registers a model that passes. {_NAME_ONE}",
            )
        origins.append(origin)
    return Nothing(f"Nothing to deploy: no gate of {name} ran on {' and '.join(origins)}.")


def _sign(
    name: str, on: PullRequest | Commit, code_host: CodeHost | None, registry: Registry
) -> str | None:
    """What shows that a gate of this model ran, or may have run; None where none did."""
    signs = code_host.gate_signs(on) if code_host else None
    if signs is None:
        return ", and it is unknown whether a gate ran"
    reports = [one for one in signs.reports if not one.startswith(f"{name} in ")]
    if name in reports:
        return ", but its gate ran and left a report"
    # A report's id is by default the name of a model.
    unknown = [one for one in reports if not registry.find(one.partition(" in ")[0], {})]
    if unknown:
        return f", but a gate ran and left the report {unknown[0]}"
    # In a monorepo the checks may be those of other models, whose reports then are there.
    if signs.checks and not reports:
        return f", but a gate ran ({'; '.join(signs.checks)})"
    return None
