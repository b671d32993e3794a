#!/usr/bin/env bash
# deps.sh run|test|bench: installs the Debian packages that `make run`, `make test` or `make bench` need. Quick and without
# network when they are there. deps.sh needs PACKAGE...: what those packages need, and not the packages themselves.
# deps.sh missing PACKAGE...: only prints what those packages need and this machine has not got.
set -euo pipefail
. "$(dirname "$0")/say.sh"

run=(gcc libc6-dev make pkg-config libcivetweb-dev libcjson-dev libcurl4-openssl-dev libyaml-dev libsqlite3-dev libssl-dev
     ca-certificates curl bind9-dnsutils)
test=(git clang clang-tidy clang-format cppcheck libcmocka-dev python3 python3-pytest sqlite3 procps mount e2fsprogs
      mandoc groff-base zsh fish bind9-utils ldnsutils knot-dnssecutils ed patch rsync vim-tiny iproute2 systemd)
bench=(libknot-dev dnsperf python3)

clang_version() {
    case $(. /etc/os-release 2>/dev/null; echo "${VERSION_ID:-}") in
        12) echo 14 ;;
        13) echo 19 ;;
        *) clang -dumpversion 2>/dev/null | cut -d. -f1 ;;
    esac
}

needs() {
    apt-get -s -o Debug::NoLocking=1 install --no-install-recommends "$@" | awk '$1 == "Inst" {print $2}' |
        { grep -vxFf <(printf '%s\n' "$@") || true; }
}

[[ ${1:-} != missing ]] || { needs "${@:2}"; exit; }

wanted=("${run[@]}")
case ${1:-run} in
    test) wanted+=("${test[@]}" "libclang-rt-$(clang_version)-dev") ;;
    bench) wanted+=("${bench[@]}") ;;
    needs) mapfile -t wanted < <(needs "${@:2}") ;;
esac
[[ ${1:-run} == needs ]] || mapfile -t -O ${#wanted[@]} wanted < <("$(dirname "$0")/coredns.sh" packages)

command -v dpkg-query >/dev/null ||
    { say "not a Debian: the packages are yours to install: ${wanted[*]}"; exit 0; }
have=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' "${wanted[@]}" 2>/dev/null || true)
missing=()
for p in "${wanted[@]}"; do
    grep -qx "installed $p" <<<"$have" || missing+=("$p")
done
((${#missing[@]})) || exit 0

sudo=()
if ((EUID)); then
    command -v sudo >/dev/null ||
        fail "packages are missing, and this is neither root nor a user with sudo" "as root: apt-get install ${missing[*]}"
    say "installing packages with sudo: ${missing[*]}"
    # a password is asked for here, in sight, and not behind a log
    sudo -v || fail "sudo refused" "as root: apt-get install ${missing[*]}"
    sudo=(sudo -n)
fi
apt=("${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Dpkg::Use-Pty=0)
watched "apt-get update" "${apt[@]}" update || say "going on with the package lists as they are"
watched "apt-get install ${missing[*]}" "${apt[@]}" install --no-install-recommends "${missing[@]}" ||
    fail "packages could not be installed" "as root: apt-get install ${missing[*]}"
