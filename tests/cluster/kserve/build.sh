#!/usr/bin/env bash
# Builds KServe's manager, beside a cluster's programs, in the folder $1 (.venv/cluster). From nothing it
# takes some 240 CPU-seconds, and a download of its modules of 1.8 GB. So only who wants these tests does it.
set -euo pipefail
out=$(realpath "$1")
read -r name version pinned <"$(dirname "$0")/go.sum"
cd "$(mktemp -d)"
read -r source sum < <(go mod download -json "$name@$version" \
  | python3 -c 'import json, sys; module = json.load(sys.stdin); print(module["Dir"], module["Sum"])')
[[ $sum == "$pinned" ]]
cd "$source"
export CGO_ENABLED=0 GOGC=400 GOFLAGS="-mod=readonly -trimpath -p=2"
go build -gcflags="all=-N -l" -ldflags "-s -w" -o "$out/kserve-manager" ./cmd/manager
ln -sfn "$source" "$out/kserve-source"
