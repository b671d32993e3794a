#!/usr/bin/env bash
# install.sh install|uninstall BUILD DESTDIR PREFIX: puts betterdns below DESTDIR/PREFIX, or removes what was put there: the
# program, its unit, the examples, and the man pages and completions of BUILD: man/*.SECTION, completion/betterdns.{bash,zsh,fish}.
# No configuration is made or removed, and no service is started.
set -euo pipefail
cd "$(dirname "$0")/.."
. .mk/say.sh
shopt -s nullglob

build=$2 destdir=$3 to=$3$4 prefix=$4
doc=share/doc/betterdns

# MODE SOURCE TARGET, the target below PREFIX.
files() {
    local f name
    echo "755 $build/betterdns bin/betterdns"
    for f in examples/betterdns.{service,socket}; do echo "644 $f lib/systemd/system/${f##*/}"; done
    for f in README.md LICENSE Corefile.example; do echo "644 $f $doc/$f"; done
    for f in examples/*; do
        [[ $f != examples/terminate-* ]] || { echo "755 $f lib/betterdns/${f##*/}"; continue; }
        echo "644 $f $doc/examples/${f##*/}"
    done
    for f in "$build"/man/*.[1-8]; do echo "644 $f share/man/man${f##*.}/${f##*/}"; done
    for f in "$build"/completion/*; do
        name=${f##*/}
        case $name in
            *.bash) echo "644 $f share/bash-completion/completions/${name%.bash}" ;;
            *.zsh) echo "644 $f share/zsh/site-functions/_${name%.zsh}" ;;
            *.fish) echo "644 $f share/fish/vendor_completions.d/$name" ;;
        esac
    done
}

put() {
    install -D -m "$1" "$2" "$to/$3"
    # Examples name the programs where they are.
    case $2 in
        examples/*) sed -i "s,/usr/local/\(bin\|lib\)/,$prefix/\1/,g" "$to/$3" ;;
    esac
}

# The files, and the folders that are empty now. What a prefix has for everybody stays, also where it was empty before: on a
# new machine /usr/local/bin is.
remove() {
    local dir
    rm -f "$to/$1"
    dir=$(dirname "$1")
    while [[ $dir != . ]]; do
        case $destdir:$dir in :bin | :lib | :share | :share/man) break ;; esac
        rmdir "$to/$dir" 2>/dev/null || break
        dir=$(dirname "$dir")
    done
}

case $1 in
    install) files | while read -r mode source target; do put "$mode" "$source" "$target"; done ;;
    uninstall) files | while read -r _ _ target; do remove "$target"; done ;;
    *) fail "usage: install.sh install|uninstall BUILD DESTDIR PREFIX" ;;
esac
