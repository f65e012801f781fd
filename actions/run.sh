#!/usr/bin/env bash
# Run one command of cdml: run.sh COMMAND
#
# CDML_PYTHON is the interpreter. Every option of the command arrives as CDML_<COMMAND>_<OPTION>,
# and the token, for the commands that need one, as CDML_GITHUB_TOKEN.
set -euo pipefail

source_folder="$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../src" && pwd)"

# What is set for the caller's Python is not meant for ours.
while read -r name; do
  unset "$name"
done < <(compgen -e | grep -E '^PYTHON|^VIRTUAL_ENV$' || true)

# -u: a token that lies around in the job's environment is not meant for a command that runs a
# model; some runners (not GitHub's) also hand every input on by themselves.
# -P: a module in the workspace must not take the place of one of ours.
# exec: an interrupt reaches Python, which ends in order.
exec env -u GITHUB_TOKEN -u GH_TOKEN -u INPUT_GITHUB-TOKEN PYTHONPATH="$source_folder" \
  "${CDML_PYTHON:?}" -P -m cdml "$1"
