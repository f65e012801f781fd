"""All that a flow may ask of the world, in one value."""

from typing import Protocol

from cdml.ci.run import Platform
from cdml.common.clock import Clock
from cdml.common.progress import Progress
from cdml.delivery.target import Target
from cdml.delivery.traffic import Traffic
from cdml.delivery.webhook import Webhook
from cdml.evaluation.metric_runner import Measurer
from cdml.evaluation.prediction_store import Samples
from cdml.evaluation.scorer import Scorer
from cdml.journal.port import Journal
from cdml.models.registry import Registry
from cdml.tables.table import Tables


class Host(Protocol):
    """What a report needs, whether or not there is a configuration."""

    @property
    def platform(self) -> Platform:
        """The CI system around this run."""
        ...

    @property
    def clock(self) -> Clock:
        """What time it is."""
        ...

    @property
    def progress(self) -> Progress:
        """How work is told."""
        ...


class Ports(Host, Protocol):
    """Every port; one that is never asked for is never made."""

    @property
    def registry(self) -> Registry:
        """Where models are."""
        ...

    @property
    def journal(self) -> Journal:
        """What served when, of the environment of this run."""
        ...

    @property
    def target(self) -> Target:
        """Where the champion of that environment serves."""
        ...

    @property
    def scorer(self) -> Scorer:
        """Runs models."""
        ...

    @property
    def tables(self) -> Tables:
        """Opens data."""
        ...

    @property
    def samples(self) -> Samples:
        """Reduces predictions."""
        ...

    @property
    def measurer(self) -> Measurer:
        """Measures with functions of the user's."""
        ...

    @property
    def traffic(self) -> Traffic:
        """What requests become of."""
        ...

    @property
    def webhook(self) -> Webhook:
        """Machines elsewhere."""
        ...
