#!/usr/bin/env bash
# `make demo-web`: a daemon and its page, until Ctrl-C; Enter hands in the demo's clip.
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/started.sh

fetch_clips

echo 'Starting lipsyncd and its page ...'
start_daemon
.venv-web/bin/lipsyncweb --folder "$scratch/web" --listen "${LISTEN:-127.0.0.1:7860}" &
started=($! "${started[@]}")

until "$bin/lipsyncctl" health >/dev/null 2>&1; do
    for pid in "${started[@]}"; do
        kill -0 "$pid" 2>/dev/null || { cat "$scratch/log" >&2; exit 1; }
    done
    sleep 0.5
done
echo "Bring your own files, or $clips/single_face.mp4 and $PWD/tests/media/harbour.flac."
echo 'Enter hands in these two: see them under Jobs. Ctrl-C ends all.'
while read -r _; do
    "$bin/lipsyncctl" submit -a tests/media/harbour.flac "$clips/single_face.mp4"
done
wait -n
