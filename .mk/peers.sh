#!/usr/bin/env bash
# peers.sh DIR: unpacks the name servers that `make bench` measures beside us, Debian's knot and bind9, into DIR/root, and
# installs the libraries that they need. They are not installed themselves: no service is there that would start by itself.
set -euo pipefail
. "$(dirname "$0")/say.sh"

peers=(knot bind9)
dir=$1

command -v apt-get >/dev/null || { say "not a Debian: Knot and BIND are not measured"; exit 0; }
[[ -x $dir/root/usr/sbin/knotd && -x $dir/root/usr/sbin/named ]] && exit 0
"$(dirname "$0")/deps.sh" needs "${peers[@]}"
rm -rf "$dir"
mkdir -p "$dir/root"
as=()
((EUID)) || as=(-o APT::Sandbox::User=root) # the folder is not apt's
(cd "$dir" && watched "apt-get download ${peers[*]}" apt-get -q "${as[@]}" download "${peers[@]}")
for deb in "$dir"/*.deb; do dpkg -x "$deb" "$dir/root"; done
rm -f "$dir"/*.deb
