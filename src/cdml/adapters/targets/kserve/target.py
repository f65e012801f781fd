"""An InferenceService for each release; an HTTPRoute of ours or a Service splits the traffic."""

import http
from dataclasses import replace
from functools import partial

from cdml.adapters.targets.kserve import protocol
from cdml.adapters.targets.kserve.inference_services import InferenceServices
from cdml.adapters.targets.kubernetes.target import ClusterTarget
from cdml.adapters.targets.kubernetes.workloads import PAUSE
from cdml.config import LoadedConfig
from cdml.config.kserve_target import KserveSettings
from cdml.delivery.target import ServerAnswer
from cdml.errors import ServiceError
from cdml.models.registry import Registry


class KserveTarget(ClusterTarget):
    """InferenceServices without Knative, side by side."""

    name = "kserve"
    docs = "docs/kserve.md"
    longest_name = 40  # KServe adds `-predictor`

    def __init__(
        self,
        *,
        loaded: LoadedConfig,
        registry: Registry,
        environment: str | None = None,
        pause: float = PAUSE,
    ) -> None:
        settings = KserveSettings.model_validate(loaded.config.deploy.target.settings)
        made = partial(InferenceServices, folder=loaded.folder, registry=registry, pause=pause)
        super().__init__(settings, loaded, environment, made)
        self._protocol = settings

    def _send(self, name: str, body: bytes, timeout: float) -> ServerAnswer:
        path, sent = protocol.path(self._protocol), protocol.request(self._protocol, body)
        answer = self._api.send_to_service(name, path, sent, timeout)
        if answer.status == http.HTTPStatus.NOT_FOUND and path != protocol.INVOCATIONS:
            model = self._protocol.served_name
            raise ServiceError(
                f"the server of {name} has no model {model} (404 from {path}). Set the name in the"
                f" manifest, for KServe's own servers by args: [--model_name={model}], or set"
                " deploy.target.model_name or protocol."
            )
        return replace(answer, body=protocol.answer(self._protocol, answer.body))
