#!/usr/bin/env bash
# The Debian packages that the tests need beside Python's: servers, HAProxy, Java for Spark,
# GitHub's own reading of Markdown, Chromium to look at the page, sudo to isolate models with, rsync for
# pipelines of GitLab CI, Maven for those of Jenkins. With `all` also those of the long tests: Go builds a
# cluster, containerd runs its pods, Prometheus counts their requests, Redis serves features.
set -euo pipefail

missing=()
compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || command -v initdb >/dev/null ||
  missing+=(postgresql)
command -v java >/dev/null || missing+=(openjdk-17-jre-headless)
command -v mvn >/dev/null || missing+=(maven) # fetches Jenkins' pipeline engine
command -v haproxy >/dev/null || [[ -x /usr/sbin/haproxy ]] || missing+=(haproxy)
command -v cmark-gfm >/dev/null || missing+=(cmark-gfm)
command -v chromium >/dev/null || missing+=(chromium)
command -v sudo >/dev/null || missing+=(sudo)
command -v rsync >/dev/null || missing+=(rsync) # gitlab-ci-local copies with it
if [[ ${1:-} == all && $(uname) == Linux ]]; then
  export PATH="$PATH:/usr/sbin:/sbin:/usr/local/go/bin"
  command -v go >/dev/null || missing+=(golang-go)
  command -v containerd >/dev/null || missing+=(containerd)
  command -v runc >/dev/null || missing+=(runc)
  command -v redis-server >/dev/null || missing+=(redis-server)
  command -v nft >/dev/null || missing+=(nftables)
  command -v conntrack >/dev/null || missing+=(conntrack)
  command -v ip >/dev/null || missing+=(iproute2)
  command -v prometheus >/dev/null || missing+=(prometheus)
  [[ -x /usr/lib/cni/bridge ]] || missing+=(containernetworking-plugins)
fi
[[ ${#missing[@]} -gt 0 ]] || exit 0

as_root=()
[[ $(id -u) == 0 ]] || as_root=(sudo)
if ! command -v apt-get >/dev/null || { [[ ${#as_root[@]} -gt 0 ]] && ! command -v sudo >/dev/null; }; then
  echo "The tests need: ${missing[*]} (names of Debian packages). Install them and start again." >&2
  exit 1
fi
"${as_root[@]}" apt-get update -q
DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -qy --no-install-recommends "${missing[@]}"
