# shellcheck shell=bash
# To be sourced; needs a `fail WHAT`.

# Waits until a command succeeds; a minute at most.
wait_until() {
    for _ in $(seq 600); do
        "$@" >/dev/null 2>&1 && return
        sleep 0.1
    done
    fail "did not happen within a minute: $*"
}
