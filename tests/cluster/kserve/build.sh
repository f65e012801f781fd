#!/usr/bin/env bash
# Builds KServe's manager into the folder $1, after a cluster's programs. From nothing it takes some 240
# CPU-seconds, and a download of its modules of 1.8 GB. Its storage initializer, MLServer and a server
# of S3 come from packages, by $2, the path of uv.
set -euo pipefail
out=$1
uv=$2
cd "$(dirname "$0")"
source ../go.sh
read -r name version pinned <go.sum
read -r source sum < <(cd / && "$go" mod download -json "$name@$version" |
  python3 -c 'import json, sys; module = json.load(sys.stdin); print(module["Dir"], module["Sum"])')
[[ $sum == "$pinned" ]]
cd "$source"
"$go" build "${cheap[@]}" -ldflags "-s -w" -o "$out/kserve-manager" ./cmd/manager
ln -sfn "$source" "$out/kserve-source"

cd "$OLDPWD/../../.."
"$uv" pip install --quiet --python "$(dirname "$uv")/python" --target "$out/kserve-packages" \
  --require-hashes -r requirements/kserve.txt
