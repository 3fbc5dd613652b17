#!/bin/bash
# `leat serve` under wrk, beside the floor: a bare epoll loop that moves the same bytes and calls a
# bare Run. A request has 16 floats or 3x224x224, both binary, to a model that gives back what it
# gets. Requests a second, p99 and server CPU per request; the two take turns, medians of ROUNDS (3)
# rounds of SECONDS_EACH (2). Then system calls per large request.
# Targets: half of the CPU that Triton took for the same on 4 cores, and 8 us above the floor.
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${ROUNDS:-3} seconds=${SECONDS_EACH:-2}
work=$(mktemp -d)
declare -A pid
free_port() { /usr/bin/python3 -c 'import socket; s = socket.create_server(("", 0)); print(s.getsockname()[1])'; }
declare -A port=([floor]=$(free_port) [leat]=$(free_port))
trap 'kill "${pid[@]}" 2>/dev/null; rm -rf "$work"' EXIT
build/release/bench/http_floor models "$work"
build/release/bench/http_floor floor "${port[floor]}" "$work" & pid[floor]=$!
build/release/bin/leat serve "$work/small.onnx" "$work/image.onnx" --http "${port[leat]}" --metrics 0 \
  >/dev/null & pid[leat]=$!
for server in floor leat; do
  until (exec 3<>"/dev/tcp/127.0.0.1/${port[$server]}") 2>/dev/null; do
    kill -0 "${pid[$server]}" || { echo "http_floor: $server did not start" >&2; exit 1; }
  done
done

# request NAME ELEMENTS SHAPE: a script for wrk, which checks that the answer has the floats.
request() {
  local bytes=$(($2 * 4))
  local json="{\"inputs\":[{\"name\":\"x\",\"datatype\":\"FP32\",\"shape\":$3,\"parameters\":{\"binary_data_size\":$bytes}}],\"parameters\":{\"binary_data_output\":true}}"
  cat >"$work/$1.lua" <<LUA
wrk.method = "POST"
wrk.path = "/v2/models/$1/infer"
wrk.body = '$json' .. string.rep("\\0\\0\\128\\63", $2)
wrk.headers["Inference-Header-Content-Length"] = "${#json}"
wrk.headers["Content-Type"] = "application/octet-stream"
function done(summary, latency)
  local failed = summary.errors.status + summary.errors.read + summary.errors.write
  io.write(string.format("RESULT %d %d %d\n", summary.requests, latency:percentile(99), failed))
end
LUA
  printf '%s' "$json" >"$work/$1.json"
  /usr/bin/python3 -c 'import sys; sys.stdout.buffer.write(b"\0\0\x80\x3f" * int(sys.argv[1]))' "$2" >"$work/$1.floats"
  cat "$work/$1.json" "$work/$1.floats" | curl -sS --fail-with-body -o "$work/answer" \
    -H "Inference-Header-Content-Length: ${#json}" -H 'Content-Type: application/octet-stream' \
    --data-binary @- "http://127.0.0.1:${port[leat]}/v2/models/$1/infer"
  tail -c "$bytes" "$work/answer" | cmp -s - "$work/$1.floats" ||
    { echo "http_floor: $1 gives back something else" >&2; exit 1; }
}
request small 16 '[1,16]'
request image 150528 '[1,3,224,224]'

# load SERVER WHAT CONNECTIONS: "requests p99"
load() {
  local count p99 failed
  read -r _ count p99 failed < <(wrk -t$(($3 < 2 ? 1 : 2)) -c"$3" -d"${seconds}s" -s "$work/$2.lua" \
    "http://127.0.0.1:${port[$1]}" | grep RESULT)
  [ "$failed" = 0 ] || { echo "http_floor: $failed requests of $2 failed on $1" >&2; exit 1; }
  echo "$count $p99"
}
ticks() { awk '{ sub(/.*\) /, ""); print $12 + $13 }' "/proc/$1/stat"; }
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

printf '%-6s %5s %-6s %10s %12s %10s   %s\n' what conns server requests/s 'CPU us each' 'p99 us' target
while read -r what connections half; do
  for ((round = 0; round < rounds; round++)); do
    for server in floor leat; do
      before=$(ticks "${pid[$server]}")
      read -r count p99 < <(load $server "$what" "$connections")
      used=$(($(ticks "${pid[$server]}") - before))
      awk "BEGIN { print int($count / $seconds), $used * 10000 / $count, $p99 }" >>"$work/$what.$connections.$server"
    done
  done
  # The difference round by round, since the machine changes.
  above=$(paste -d' ' "$work/$what.$connections.leat" "$work/$what.$connections.floor" |
    awk '{ print $2 - $5 }' | median)
  for server in floor leat; do
    file=$work/$what.$connections.$server
    printf '%-6s %5d %-6s %10d %12.1f %10d' "$what" "$connections" $server \
      "$(cut -d' ' -f1 "$file" | median)" "$(cut -d' ' -f2 "$file" | median)" "$(cut -d' ' -f3 "$file" | median)"
    [ $server = floor ] && echo || printf '   CPU at most %s; %.1f above the floor, at most 8\n' "$half" "$above"
  done
done <<'CELLS'
small 1 48
small 8 27.5
small 64 20
image 1 550
image 8 475
image 32 400
CELLS

if perf stat -e raw_syscalls:sys_enter true 2>/dev/null >&2; then
  perf stat -x, -o "$work/calls" -e raw_syscalls:sys_enter -p "${pid[leat]}" -- sleep "$seconds" & counter=$!
  read -r count _ < <(load leat image 8)
  wait $counter
  awk -F, -v n="$count" '/sys_enter/ { printf "system calls per large request: %.1f, fewer than 20 wanted\n", $1 / n }' "$work/calls"
else
  echo "system calls per large request: not counted, since perf cannot count them on this machine"
fi
