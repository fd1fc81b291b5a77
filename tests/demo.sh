#!/usr/bin/env bash
# `make demo`: a daemon of its own renders one clip to demo.mp4, and nothing is left running.
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/started.sh

fetch_clips

echo 'Starting lipsyncd, with a socket and a state of its own ...'
start_daemon

echo 'Rendering single_face.mp4 with the voice of tests/media/harbour.flac ...'
"$bin/lipsyncctl" run -a tests/media/harbour.flac "$clips/single_face.mp4" -o demo.mp4 &
started+=($!)

# whichever ends first: a daemon that cannot start must not let its client wait for it
wait -n || {
    cat "$scratch/log" >&2
    exit 1
}
echo "It took $SECONDS s in all; a daemon that runs has its models loaded already."
echo "Look at it: $PWD/demo.mp4"
