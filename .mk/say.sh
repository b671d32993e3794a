# Sourced by the set-up scripts: what they print, and how they watch what takes long. All of it on stderr.
say()  { printf '%s\n' "-- $*" >&2; }
fail() { printf 'error: %s\n' "$1" >&2; shift; for h; do printf 'hint: %s\n' "$h" >&2; done; exit 1; }

# watched WHAT COMMAND...: runs COMMAND with its output in a log, says every 5 s how it goes, shows the log's end when it fails.
watched() {
    local what=$1 log start=$SECONDS pid status=0 next=5
    shift
    log=$(mktemp)
    say "$what"
    "$@" >"$log" 2>&1 </dev/null & pid=$!
    while kill -0 "$pid" 2>/dev/null; do
        sleep 0.2
        ((SECONDS - start >= next)) || continue
        next=$((SECONDS - start + 5))
        printf '   %3d s  %d lines, now: %.90s\n' $((SECONDS - start)) "$(wc -l <"$log")" \
            "$(tail -n 1 "$log" | tr -d '\r')" >&2
    done
    wait "$pid" || status=$?
    ((status == 0)) || { tail -n 25 "$log" >&2; printf 'error: %s: failed (%d)\n' "$what" "$status" >&2; }
    rm -f "$log"
    return "$status"
}
