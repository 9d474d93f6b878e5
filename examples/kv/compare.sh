#!/bin/bash
# Compares the store with Redis: requests per second of the server's processor time, each server
# alone on one processor and redis-benchmark on another.
#
#     cargo build --release --example kv
#     examples/kv/compare.sh [ROUNDS] [REQUESTS]
#
# Rounds alternate between the two. Shown are the medians and the median of the ratios within a
# round: above 1 the store does more with its processor than Redis with its own.
set -euo pipefail
cd "$(dirname "$0")/../.."
rounds=${1:-9} requests=${2:-200000}
store=target/release/examples/kv
[ -x "$store" ] || { echo "error: $store is not there: cargo build --release --example kv" >&2; exit 1; }
for tool in redis-server redis-benchmark redis-cli taskset; do
    command -v $tool >/dev/null || {
        echo "error: $tool is not there: apt-get install redis-server redis-tools util-linux" >&2
        exit 1
    }
done
[ "$(nproc)" -ge 2 ] || { echo "error: it takes two processors" >&2; exit 1; }

directory=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null; wait; rm -r "$directory"' EXIT
taskset -c 0 "$store" --loops 1 127.0.0.1:7801 >"$directory/store.log" &
ports[0]=7801 pids[0]=$!
taskset -c 0 redis-server --port 7802 --save "" --appendonly no --dir "$directory" >"$directory/redis.log" &
ports[1]=7802 pids[1]=$!
for port in "${ports[@]}"; do
    for _ in $(seq 100); do redis-cli -p "$port" ping >/dev/null 2>&1 && continue 2; sleep 0.1; done
    echo "error: nobody answers on port $port" >&2
    exit 1
done
ticks=$(getconf CLK_TCK)

# Requests per second of processor time: of server $1, command $2, pipeline depth $3.
measure() {
    local before after
    before=$(awk '{ print $14 + $15 }' "/proc/${pids[$1]}/stat")
    taskset -c 1 redis-benchmark -p "${ports[$1]}" -t "$2" -c 50 -P "$3" -n "$4" -r 100000 -q >"$directory/out"
    after=$(awk '{ print $14 + $15 }' "/proc/${pids[$1]}/stat")
    awk -v n="$4" -v t=$((after - before)) -v hz="$ticks" 'BEGIN { printf "%.0f\n", n * hz / t }'
}

median() { sort -g | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }

printf '%-6s %9s %14s %14s %8s\n' command pipeline store/s Redis/s ratio
for depth in 1 16; do
    for command in set get; do
        n=$((depth == 1 ? requests : requests * 8))
        rm -f "$directory"/{0,1,ratio}
        for _ in $(seq "$rounds"); do
            for server in 0 1; do measure $server $command $depth $n >>"$directory/$server"; done
            paste <(tail -n 1 "$directory/0") <(tail -n 1 "$directory/1") |
                awk '{ printf "%.3f\n", $1 / $2 }' >>"$directory/ratio"
        done
        printf '%-6s %9s %14s %14s %8s\n' $command $depth "$(median <"$directory/0")" \
            "$(median <"$directory/1")" "$(median <"$directory/ratio")"
    done
done
