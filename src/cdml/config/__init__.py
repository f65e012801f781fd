"""cdml.yaml: its words, how it is read, its JSON Schema."""

from cdml.config.load import LoadedConfig, Problem, load
from cdml.config.schema import Config, GateSettings, Margin, SliceRule

__all__ = ["Config", "GateSettings", "LoadedConfig", "Margin", "Problem", "SliceRule", "load"]
