#!/usr/bin/env bash
# Run one command of cdml: run.sh COMMAND
#
# CDML_PYTHON is the interpreter. Every option of the command arrives as CDML_<COMMAND>_<OPTION>,
# and the token, for the commands that need one, as CDML_GITHUB_TOKEN.
set -euo pipefail

source_folder="$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../src" && pwd)"

# What is set for the caller's Python is not meant for ours; a token that lies around in the
# job's environment is not meant for a command that runs a model.
while read -r name; do
  unset "$name"
done < <(compgen -e | grep -E '^PYTHON|^(VIRTUAL_ENV|GITHUB_TOKEN|GH_TOKEN|INPUT_GITHUB.TOKEN)$' || true)

# -P: a module in the workspace must not take the place of one of ours.
# exec: an interrupt reaches Python, which ends in order.
PYTHONPATH="$source_folder" exec "$CDML_PYTHON" -P -m cdml "$1"
