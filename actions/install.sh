#!/usr/bin/env bash
# Give cdml an interpreter: install.sh core|ml
#
# With CDML_PYTHON that interpreter is used as it is. Otherwise an environment of cdml's own is
# made from the lock under RUNNER_TEMP, which lives as long as the job: later steps find it there,
# and no other job can have touched it. The caller's Python, PATH and workspace stay as they are.
# The interpreter's path is written to GITHUB_OUTPUT as `python`.
set -euo pipefail

size=$1
requirements="$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../requirements" && pwd)"

fail() { # MESSAGE CODE
  echo "::error title=cdml::$1" >&2
  exit "$2"
}

# Settings that were made for the caller's Python, pip or uv can break ours. Those that tell
# where packages come from are kept.
while read -r name; do
  case $name in
    PIP_CONFIG_FILE | PIP_INDEX_URL | PIP_EXTRA_INDEX_URL | PIP_FIND_LINKS | PIP_NO_INDEX) ;;
    PIP_CERT | PIP_CLIENT_CERT | PIP_TRUSTED_HOST | PIP_PROXY | PIP_KEYRING_PROVIDER) ;;
    PIP_DEFAULT_TIMEOUT | PIP_TIMEOUT | PIP_RETRIES | PIP_CACHE_DIR | PIP_NO_CACHE_DIR) ;;
    UV_DEFAULT_INDEX | UV_INDEX | UV_INDEX_* | UV_EXTRA_INDEX_URL | UV_FIND_LINKS) ;;
    UV_INSECURE_HOST | UV_NATIVE_TLS | UV_SYSTEM_CERTS | UV_KEYRING_PROVIDER) ;;
    UV_HTTP_* | UV_OFFLINE | UV_CACHE_DIR | UV_NO_CACHE | UV_LINK_MODE) ;;
    *) unset "$name" ;;
  esac
done < <(compgen -e | grep -E '^(PYTHON|PIP_|UV_)|^VIRTUAL_ENV$' || true)
export PIP_USER=0 PIP_REQUIRE_VIRTUALENV=0 PIP_DISABLE_PIP_VERSION_CHECK=1

suits() { # PYTHON: 3.11 or newer; -P keeps the workspace off the import path
  command -v -- "$1" >/dev/null && "$1" -P -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

answer() { # PYTHON
  echo "python=$1" >>"${GITHUB_OUTPUT:-/dev/stdout}"
  exit 0
}

[[ ${RUNNER_OS:-} != Windows ]] || fail "cdml runs on Linux and macOS runners." 2

if [[ -n ${CDML_PYTHON:-} ]]; then
  suits "$CDML_PYTHON" || fail "python: $CDML_PYTHON is not an interpreter of Python 3.11 or newer." 2
  found="$(command -v -- "$CDML_PYTHON")"
  [[ $found == /* ]] || found="$PWD/$found"
  answer "$found"
fi

home="${RUNNER_TEMP:?is set by the runner}/cdml"
place() { # SIZE: named by what is in it
  cat -- "$requirements"/{uv,core,"$1"}.txt | cksum | { read -r sum bytes; echo "$home/$1-$sum-$bytes"; }
}
for ready in "$size" ml; do # ml holds all that core does
  environment="$(place "$ready")"
  [[ ! -e $environment/complete ]] || answer "$environment/bin/python"
done

python=
for candidate in python3 python python3.13 python3.12 python3.11 python3.14; do
  if suits "$candidate" && "$candidate" -P -m pip --version >/dev/null 2>&1; then
    python="$(command -v -- "$candidate")"
    break
  fi
done
[[ -n $python ]] || fail "cdml needs Python 3.11 or newer with pip: install one, add actions/setup-python before this step, or name an interpreter that has cdml's packages with the input python." 2

environment="$(place "$size")"
rm -rf -- "$environment" "$home/uv"
SECONDS=0
"$python" -P -m pip --quiet install --target "$home/uv" --only-binary :all: --no-deps --no-user \
  --require-hashes --requirement "$requirements/uv.txt" ||
  fail "pip could not install uv; the lines above say why." 5
uv() { "$python" -P "${BASH_SOURCE[0]%/*}/pip_to_uv.py" "$home/uv/bin/uv" "$@"; }
uv venv --quiet --no-config --no-python-downloads --python "$python" "$environment" ||
  fail "uv could not make an environment; the lines above say why." 5
uv pip sync --quiet --no-config --no-build --require-hashes --python "$environment/bin/python" \
  "$requirements/$size.txt" ||
  fail "uv could not install cdml's packages; the lines above say why." 5
rm -rf -- "$home/uv"
touch "$environment/complete"
echo "Installed cdml's packages ($size) in $SECONDS s."
answer "$environment/bin/python"
