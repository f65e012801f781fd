#!/bin/bash
# Run one command of cdml in a job of GitLab CI or a build of Jenkins: job.sh COMMAND; `install` only
# installs its packages.
#
# Options arrive as CDML_<COMMAND>_<OPTION>, as in the actions: no value passes through a shell.
# CDML_STORAGE and CDML_PYTHON are as in actions/install.sh. With CDML_CACHE, a folder of the agent,
# the packages stay there for later jobs; without it, they live as long as the job.
set -euo pipefail

root="$(cd -- "${BASH_SOURCE[0]%/*}/.." && pwd -P)"
command=$1
size=core
case $command in
  gate)
    size=ml
    # A variable may reach every job that its scope covers. Where a token that writes is in reach,
    # no model runs without isolation.
    for token in CDML_GITHUB_TOKEN GITHUB_TOKEN CDML_GITLAB_TOKEN GITLAB_TOKEN CDML_JENKINS_TOKEN GIT_PASSWORD; do
      if [[ -n ${!token:-} ]]; then export CDML_ISOLATION=required; fi
      unset "$token"
    done
    # Nor does one that could change what later jobs run, unless the job allows it.
    if [[ -n ${CDML_CACHE:-} ]]; then export CDML_ISOLATION="${CDML_ISOLATION:-required}"; fi
    ;;
  install | monitor) size=ml ;;
esac

bash -p "$root/actions/clean.sh" "$command" # also where the rest fails: what is left is published

temporary="$(mktemp -d)"
trap 'rm -rf -- "$temporary"' EXIT
export RUNNER_TEMP="$temporary" GITHUB_OUTPUT="$temporary/answers"
if [[ -n ${CDML_CACHE:-} ]] && command -v flock >/dev/null; then
  mkdir -p -- "$CDML_CACHE"
  exec 9>"$CDML_CACHE/lock"
  flock 9 # two jobs must not install into one folder
  RUNNER_TEMP=$CDML_CACHE bash "$root/actions/install.sh" "$size"
  # An agent lives for years: what no job has used for 30 days goes. The time of the last use is set
  # here, too, because not every file system keeps it.
  used="$(sed -n 's|^python=\(.*\)/bin/python$|\1/pyvenv.cfg|p' "$GITHUB_OUTPUT")"
  touch -ac -- "$root/actions/job.sh" "${used:-$root}" 2>/dev/null || true
  while IFS= read -r -d '' old; do
    old="${old%/pyvenv.cfg}"
    mv -- "${old%/actions/job.sh}" "$(mktemp -d -- "$CDML_CACHE/gone.XXXXXX")/"
  done < <(
    find "$CDML_CACHE/cdml" -mindepth 2 -maxdepth 2 -name pyvenv.cfg -atime +30 -print0 2>/dev/null
    find "$CDML_CACHE/source" -mindepth 3 -maxdepth 3 -path '*/actions/job.sh' -atime +30 -print0 2>/dev/null
    find "$CDML_CACHE/source" -mindepth 1 -maxdepth 1 -name 'new.*' -mtime +1 -print0 2>/dev/null
  )
  exec 9>&-
  rm -rf -- "$CDML_CACHE"/gone.*
else
  bash "$root/actions/install.sh" "$size"
fi
CDML_PYTHON="$(sed -n 's/^python=//p' "$GITHUB_OUTPUT")"
export CDML_PYTHON
unset GITHUB_OUTPUT
if [[ $command == install ]]; then exit; fi
# What the CI system gives git to push the journal with. Nothing else could have set it here.
bash -p "$root/actions/run.sh" "$command" GIT_ASKPASS GIT_USERNAME GIT_PASSWORD \
  GIT_SSH_COMMAND GIT_SSL_CAINFO # not exec: the trap removes the environment
