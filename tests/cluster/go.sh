# Sourced by what builds programs into the folder $out. Go from 1.21 on downloads the version that a
# go.mod needs; for an older one (Debian 12 has 1.19) this does it.
export CGO_ENABLED=0 GOGC=400 GOFLAGS="-mod=readonly -trimpath -p=2" GOTOOLCHAIN=auto
export PATH="$PATH:/usr/local/go/bin"
go=go
if [[ $(cd / && go env GOVERSION) =~ ^go1\.([0-9]+) ]] && ((BASH_REMATCH[1] < 21)); then
  needed=$(sed -n 's/^go //p' "$(dirname "${BASH_SOURCE[0]}")/kubernetes/go.mod")
  go="$out/go$needed/bin/go"
  if [[ ! -x $go ]]; then
    from=golang.org/toolchain@v0.0.1-go$needed.linux-$(cd / && go env GOARCH)
    (cd / && go mod download "$from")
    cp -r --no-preserve=mode "$(cd / && go env GOMODCACHE)/$from/." "$out/go$needed"
    chmod +x "$out/go$needed"/pkg/tool/*/* "$out/go$needed"/bin/*
  fi
fi
# Unoptimised code compiles in two thirds of the time, and is fast enough.
cheap=(-gcflags="all=-N -l")
