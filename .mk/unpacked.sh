#!/usr/bin/env bash
# unpacked.sh [-a] PACKAGE...: unpacks Debian packages into our cache and prints the folder; installs the libraries that they need.
# They are not installed themselves: no service is there that would start by itself.
# -a: all of it is unpacked, what they need too, and nothing is installed: for packages that act on the machine that has them.
set -euo pipefail
here=$(dirname "$(realpath "$0")")
. "$here/say.sh"

all=
[[ ${1:-} != -a ]] || { all=yes; shift; }

command -v apt-get >/dev/null || { say "not a Debian: $* cannot be unpacked"; exit 0; }
release=$(. /etc/os-release; echo "$ID-${VERSION_ID:-}")
cache=${XDG_CACHE_HOME:-$HOME/.cache}/betterdns
to=$cache/$release-$(IFS=-; echo "$*")

[[ $all ]] || "$here/deps.sh" needs "$@"
if [[ ! -d $to ]]; then
    mkdir -p "$cache"
    exec 9>"$cache/unpacked.lock"
    flock 9
fi
if [[ ! -d $to ]]; then
    rm -rf "$cache"/unpacked.tmp.*   # of one that was killed: the lock is ours
    tmp=$(mktemp -d "$cache/unpacked.tmp.XXXXXX")
    trap 'rm -rf "$tmp"' EXIT
    as=()
    ((EUID)) || as=(-o APT::Sandbox::User=root) # the folder is not apt's
    wanted=("$@")
    [[ ! $all ]] || mapfile -t -O ${#wanted[@]} wanted < <("$here/deps.sh" missing "$@")
    (cd "$tmp" && watched "apt-get download $*" apt-get -q "${as[@]}" download "${wanted[@]}" 9>&-)
    mkdir "$tmp/root"
    for deb in "$tmp"/*.deb; do dpkg -x "$deb" "$tmp/root"; done
    mv "$tmp/root" "$to"
fi
echo "$to"
