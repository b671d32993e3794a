#!/usr/bin/env bash
# run.sh PROGRAM COREDNS: serves lab.example from .run/, with a configuration that is written once and is yours afterwards.
set -euo pipefail
. "$(dirname "$0")/say.sh"
config=.run/betterdns.yaml

mkdir -p .run
ln -sfn "$2" .run/coredns
if [[ ! -e $config ]]; then
    cat >"$config.tmp" <<YAML
# Written by the first \`make run\`, and not touched again: change what you like.
data: data            # paths are relative to this file
live: live
http:
  listen: ["127.0.0.1:8000"]
zones:
  - name: lab.example
    file: lab.example.zone
    ttl: 30
    ns: ["ns1.lab.example. 127.0.0.1"]
server:
  kind: coredns
  listen: "127.0.0.1:5300"
  strategy: file
  binary: ./coredns
checks:
  allow: [127.0.0.0/8]    # to try checks with servers on this machine; by itself a check reaches only the host that asks for it
YAML
    mv "$config.tmp" "$config"
    say "wrote $config"
fi
say "$1 run -c $config (it says what to try; end it with Ctrl-C)"
exec "$1" run -c "$config"
