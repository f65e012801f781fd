#!/bin/bash
# Run one command of cdml: run.sh COMMAND [VARIABLE…]
#
# CDML_PYTHON is the interpreter. Every option of the command arrives as CDML_<COMMAND>_<OPTION>,
# and the token, for the commands that need one, as CDML_GITHUB_TOKEN.
#
# An earlier step of the job may have left variables, functions and folders of commands that would
# decide what runs here. The actions start this with /bin/bash -p, which heeds no BASH_ENV and no
# function; what steers the programs that follow is taken out below, except for the named VARIABLEs,
# which a command that runs no model may have.
set -euo pipefail

# The user's training command gets the job's own PATH. No other command reads this variable.
export CDML_TRAINING_PATH="${PATH-}"
PATH="/usr/bin:/bin:/usr/sbin:/sbin:${PATH-}" # the system's own commands come first
export PATH
source_folder="$(cd -- "${BASH_SOURCE[0]%/*}/../src" && pwd -P)"

# What is set for the caller's Python, git, linker and shells is not meant for ours. Nor is a token
# that lies around in the job's environment for a command that runs a model; some runners (not
# GitHub's) also hand every input on by themselves.
unwanted=(-u INPUT_GITHUB-TOKEN)
kept=" "
case ${1-} in
  deploy | rollback | history | monitor) kept=" ${*:2} " ;;
esac
while IFS= read -r name; do
  [[ $kept != *" $name "* ]] || continue
  case $name in
    GIT_COMMIT | GIT_URL | GIT_PREVIOUS_SUCCESSFUL_COMMIT) continue ;; # what Jenkins says of a build
    PYTHON* | VIRTUAL_ENV | GIT_* | LD_* | DYLD_* | GCONV_PATH | LOCPATH | GLIBC_TUNABLES) ;;
    BASH_* | ENV | PERL5* | PERLLIB | SSH_ASKPASS | GITHUB_TOKEN | GH_TOKEN) ;;
    GITHUB_ENV | GITHUB_PATH | GITHUB_STATE) ;;
    # Here runs GitHub Actions: nothing else may say what evidence of this run is, or who hosts it.
    CDML_CI | CDML_CODE_HOST | CDML_PLATFORM) ;;
    *) continue ;;
  esac
  unwanted+=(-u "$name")
done < <(
  compgen -e
  env | sed -n 's/^\(BASH_FUNC_[^=]*\)=.*/\1/p'
)
# Who signs the journal is who delivers; no command that runs a model is given the key, except for
# monitor, which runs models only in isolation.
case "${1-}" in
  deploy | rollback | history | monitor) ;;
  *) unwanted+=(-u CDML_JOURNAL_KEY -u CDML_JOURNAL_KEY_PREVIOUS) ;;
esac

bash -p "${BASH_SOURCE[0]%/*}/clean.sh" "${1-}"

# -P: a module in the workspace must not take the place of one of ours.
# exec: an interrupt reaches Python, which ends in order.
exec env "${unwanted[@]}" PYTHONPATH="$source_folder" "${CDML_PYTHON:?}" -P -m cdml "$1"
