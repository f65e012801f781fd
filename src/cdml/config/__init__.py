"""cdml.yaml: its words, how it is read, its JSON Schema."""

from cdml.config.load import Loaded, Problem, load
from cdml.config.schema import Config, Gate, Margin, SliceRule

__all__ = ["Config", "Gate", "Loaded", "Margin", "Problem", "SliceRule", "load"]
