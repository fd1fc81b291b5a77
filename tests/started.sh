# What the demos have in common, to be sourced: what they start ends with them, and leaves nothing.
# shellcheck shell=bash disable=SC2034  # what is set here is for who sources it
bin=$PWD/.venv/bin
scratch=$(mktemp -d)
started=()

clean_up() {
    for pid in "${started[@]}"; do
        kill -TERM "$pid" 2>/dev/null || continue
        # its state is thrown away with it, so it gets no time to finish a job
        timeout 5 tail --pid="$pid" -f /dev/null || kill -KILL "$pid" || true
    done
    rm -rf "$scratch"
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP

fetch_clips() {
    echo 'Fetching clips of faces (10 MB, the first time only) ...'
    clips=$("$bin/python" tests/support/media/clips.py)
}

start_daemon() { # with a socket and a state of its own; it writes to $scratch/log
    export LIPSYNCD_SOCKET=$scratch/control.sock
    "$bin/lipsyncd" --socket "$LIPSYNCD_SOCKET" --state "$scratch/state" 2>"$scratch/log" &
    started+=($!)
}
