"""The readers of results that there are: a module and an entry is one more of them."""

from cdml.common.adapter_table import AdapterTable, Names

READERS: Names = {
    "promptfoo": "cdml.adapters.results.promptfoo:PromptfooReader",
    "deepeval": "cdml.adapters.results.deepeval:DeepEvalReader",
    "inspect": "cdml.adapters.results.inspect_ai:InspectReader",
    "lm-eval": "cdml.adapters.results.lm_eval:LmEvalReader",
    "mlflow": "cdml.adapters.results.mlflow_genai:MlflowReader",
    "ragas": "cdml.adapters.results.ragas:RagasReader",
}
TABLE = "table"
"""What `--reader` calls files of rows: those that no tool's reader recognises."""


def result_readers() -> Names:
    """All readers by the name of their tool."""
    return AdapterTable("cdml.result_readers", READERS)
