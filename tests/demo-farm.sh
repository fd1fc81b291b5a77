#!/usr/bin/env bash
# `make demo-farm`: a farm of two daemons renders two clips, and nothing is left running.
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/started.sh

begin() { # LOG COMMAND ...
    "${@:2}" >>"$scratch/$1.log" 2>&1 &
    started=($! "${started[@]}") # what began last ends first
}

command -v redis-server >/dev/null || {
    echo 'A farm needs Redis: apt install redis-server' >&2
    exit 1
}

fetch_clips

echo 'Starting a Redis, two daemons, and a bridge for each ...'
begin redis redis-server --port 0 --unixsocket "$scratch/redis.sock" --dir "$scratch" --appendonly yes
mkdir "$scratch/store"
export LIPSYNCFARM_KEY=$RANDOM-$RANDOM
for host in north south; do
    cat >"$scratch/$host.toml" <<TOML
name = "demo"
broker = "redis+socket://$scratch/redis.sock"
store = "file://$scratch/store"
host = "$host"
slots = 1
TOML
    begin "$host" "$bin/lipsyncd" --socket "$scratch/$host.sock" --state "$scratch/$host"
    begin "$host" "$bin/lipsyncfarm-worker" --farm "$scratch/$host.toml" \
        --socket "$scratch/$host.sock" --state "$scratch/$host-bridge" --cache "$scratch/$host-cache"
done
farm() { "$bin/lipsyncctl" --farm "$scratch/north.toml" "$@"; }
until [[ $(farm hosts 2>/dev/null | grep --count ' ready ') == 2 ]]; do
    for pid in "${started[@]}"; do
        kill -0 "$pid" 2>/dev/null || { cat "$scratch"/*.log >&2; exit 1; }
    done
    sleep 0.5
done

echo 'Rendering two clips with the voice of tests/media/harbour.flac ...'
submitted=$(farm submit -a tests/media/harbour.flac "$clips/single_face.mp4" "$clips/single_face.mp4")
mapfile -t jobs <<<"$submitted"
for _ in {1..40}; do # until both are at work, which is worth to be seen
    [[ $(farm hosts | grep --count '1 of 1') == 2 ]] && break
    sleep 0.25
done
farm hosts
farm wait "${jobs[@]}"
number=0
for job in "${jobs[@]}"; do
    number=$((number + 1))
    echo "by $(farm status "$job" | sed -n 's/^host *//p'): $(farm fetch "$job" -o "demo-$number.mp4")"
done
farm list
echo "It took $SECONDS s in all. Look at them: $PWD/demo-1.mp4, $PWD/demo-2.mp4"
