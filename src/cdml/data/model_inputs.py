"""What cdml.yaml says of a model's inputs, held against the data and against its signature."""

from collections.abc import Iterable

from cdml.common.suggest import describe_unknown
from cdml.config import LoadedConfig
from cdml.config.input_columns import contradiction
from cdml.data.rules.signature import Signature
from cdml.errors import ConfigurationError, InputError
from cdml.tables.query import Field


def require_features(loaded: LoadedConfig, fields: Iterable[Field], uri: str) -> None:
    """Refuse (InputError) `data.features` that the data does not have, each with its line."""
    there = [field.name for field in fields]
    lost = [
        f"line {loaded.line(('data', 'features', number))}:"
        f" {describe_unknown('column', name, there)}"
        for number, name in enumerate(loaded.config.data.purposes.features)
        if name not in there
    ]
    if lost:
        raise InputError(
            f"{loaded.path.name} names data.features that {uri} does not have:\n  "
            + "\n  ".join(lost),
            "Change the name there, or bring the column with the data.",
        )


def require_agreement(loaded: LoadedConfig, signature: Signature, uri: str) -> None:
    """Refuse (ConfigurationError) `data.features` that contradict a signature's own names."""
    features = loaded.config.data.purposes.features
    problem = contradiction(features, signature.types, signature.required)
    if problem:
        raise ConfigurationError(
            f"{loaded.path}, line {loaded.line(('data', 'features'))}: data.features and the"
            f" signature of {uri} contradict one another: the list {problem}.",
            "A signature that names its inputs decides: leave data.features out.",
        )
