#!/bin/bash
# Say that cdml could not be installed: fallback.sh COMMAND
#
# COMMAND is what could not run. Needs the runner's own Python, 3.8 or newer, and none of its
# packages; without one the job's log alone tells it.
set -euo pipefail

PATH="/usr/bin:/bin:/usr/sbin:/sbin:${PATH-}" # the system's own interpreter comes first

script="$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)/fallback.py"

for candidate in python3 python python3.14 python3.13 python3.12 python3.11 python3.10 python3.9 python3.8; do
  # -I: neither the workspace nor what is set for the caller's Python is meant for ours.
  if "$candidate" -I -c 'import sys; sys.exit(sys.version_info < (3, 8))' >/dev/null 2>&1; then
    exec "$candidate" -I "$script" "$1"
  fi
done
echo "::warning title=cdml::No Python 3.8 or newer: an older comment may still stand on the pull request." >&2
