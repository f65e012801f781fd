#!/bin/bash
# Run one command of cdml in a job of GitLab CI or a build of Jenkins: job.sh COMMAND
#
# Options arrive as CDML_<COMMAND>_<OPTION>, as in the actions: no value passes through a shell.
# CDML_STORAGE and CDML_PYTHON are as in actions/install.sh.
set -euo pipefail

root="$(cd -- "${BASH_SOURCE[0]%/*}/.." && pwd -P)"
command=$1
case $command in
  gate)
    size=ml
    # A variable may reach every job that its scope covers. Where a token that writes is in reach,
    # no model runs without isolation.
    for token in CDML_GITHUB_TOKEN GITHUB_TOKEN CDML_GITLAB_TOKEN GITLAB_TOKEN CDML_JENKINS_TOKEN; do
      if [[ -n ${!token:-} ]]; then export CDML_ISOLATION=required; fi
      unset "$token"
    done
    ;;
  *) size=core ;;
esac

RUNNER_TEMP="$(mktemp -d)" # the environment lives as long as the job
export RUNNER_TEMP
trap 'rm -rf -- "$RUNNER_TEMP"' EXIT
export GITHUB_OUTPUT="$RUNNER_TEMP/answers"
bash "$root/actions/install.sh" "$size"
CDML_PYTHON="$(sed -n 's/^python=//p' "$GITHUB_OUTPUT")"
export CDML_PYTHON
unset GITHUB_OUTPUT
bash -p "$root/actions/run.sh" "$command" # not exec: the trap removes the environment
