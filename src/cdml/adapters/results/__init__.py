"""The readers of results that there are: a module and an entry is one more of them."""

from cdml.common.adapter_table import AdapterTable, Names

READERS: Names = {
    "promptfoo": "cdml.adapters.results.promptfoo:PromptfooReader",
}
TABLE = "table"
"""What `--reader` calls files of rows: those that no tool's reader recognises."""


def result_readers() -> Names:
    """All readers by the name of their tool."""
    return AdapterTable("cdml.result_readers", READERS)
