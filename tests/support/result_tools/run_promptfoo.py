"""Write results of promptfoo 0.123.1: python run_promptfoo.py FOLDER, where npm installed it."""

import json
import subprocess
import sys
from pathlib import Path

from suite import TRIALS, sums

NEAR = """\
if (context.vars.question === UNMEASURED) throw new Error('the judge is not there');
return Math.round(1000 / (1 + Math.abs(Number(output) - Number(context.vars.right)))) / 1000;
"""
suite = sums()


def scrub(value):
    """Leave out stack traces, which name folders."""
    if isinstance(value, dict):
        return {key: scrub(part) for key, part in value.items()}
    if isinstance(value, list):
        return [scrub(part) for part in value]
    stack = isinstance(value, str) and "Stack Trace:" in value
    return value.partition("Stack Trace:")[0] if stack else value


config = {
    "prompts": [
        {"id": "new", "label": "new", "raw": "{{given}}"},
        {"id": "perfect", "label": "perfect", "raw": "{{right}}"},
    ],
    "providers": ["echo"],
    "tests": [
        {
            "description": one.question,
            "vars": {"question": one.question, "given": one.answers[0], "right": one.right},
            "metadata": {} if one.id == "sum-6" else {"case_id": one.id, "digits": len(one.right)},
            "assert": [
                {
                    "type": "javascript",
                    "value": NEAR.replace("UNMEASURED", repr(suite[2].question)),
                    "metric": "near",
                },
                {"type": "equals", "value": "{{right}}", "metric": "exact"},
            ],
        }
        for one in suite
    ],
}
Path("promptfooconfig.json").write_text(json.dumps(config))
target = Path(sys.argv[1])
main = "node_modules/promptfoo/dist/src/main.js"
for form in ("json", "jsonl"):
    written = Path(f"promptfoo.{form}")
    command = ["node", main, "eval", "-c", "promptfooconfig.json", "-o", str(written)]
    subprocess.run(  # it ends with 100 where a case fails
        [*command, "--no-cache", "--repeat", str(TRIALS)], check=False
    )
lines = Path("promptfoo.jsonl").read_text().splitlines()
scrubbed = "".join(f"{json.dumps(scrub(json.loads(line)))}\n" for line in lines)
(target / "promptfoo.jsonl").write_text(scrubbed)
results = scrub(json.loads(Path("promptfoo.json").read_text())["results"])
content = json.dumps({"evalId": "eval-sums", "results": results})
(target / "promptfoo.json").write_text(f"{content}\n")
