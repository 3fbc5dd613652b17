#!/bin/bash
# What the HTTP front costs over a bare epoll loop that moves the same bytes, and over the same loop
# on Boost.Asio: requests a second, p99, and server CPU per request, of a request with 16 floats and
# one with 3x224x224 floats, both binary. The three take turns; medians of ROUNDS (3) rounds of
# SECONDS (2).
set -euo pipefail
cd "$(dirname "$0")/.."
program=build/release/bench/http_floor
rounds=${ROUNDS:-3} seconds=${SECONDS_EACH:-2}
work=$(mktemp -d)
declare -A port pid
trap 'kill "${pid[@]}" 2>/dev/null; rm -rf "$work"' EXIT
next=18200
for mode in floor asio leat; do
  port[$mode]=$((next++))
  $program $mode "${port[$mode]}" & pid[$mode]=$!
done
for mode in floor asio leat; do
  until (exec 3<>"/dev/tcp/127.0.0.1/${port[$mode]}") 2>/dev/null; do :; done
done

# request NAME ELEMENTS SHAPE: a script for wrk.
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
}
request small 16 '[16]'
request image 150528 '[3,224,224]'

cpu_ticks() { awk '{ sub(/.*\) /, ""); print $12 + $13 }' "/proc/$1/stat"; }
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

printf '%-6s %5s %-6s %10s %12s %10s\n' what conns server requests/s 'CPU us each' 'p99 us'
for cell in 'small 1' 'small 8' 'small 64' 'image 1' 'image 8' 'image 32'; do
  read -r what connections <<<"$cell"
  for ((round = 0; round < rounds; round++)); do
    for mode in floor asio leat; do
      before=$(cpu_ticks "${pid[$mode]}")
      threads=$((connections < 2 ? 1 : 2))
      read -r _ count p99 failed < <(wrk -t$threads -c"$connections" -d"${seconds}s" \
        -s "$work/$what.lua" "http://127.0.0.1:${port[$mode]}" | grep RESULT)
      [ "$failed" = 0 ] || { echo "http_floor: $failed requests of $what failed on $mode" >&2; exit 1; }
      used=$(($(cpu_ticks "${pid[$mode]}") - before))
      echo "$((count / seconds)) $(awk "BEGIN { print $used * 10000 / $count }") $p99" >>"$work/$what.$connections.$mode"
    done
  done
  for mode in floor asio leat; do
    file=$work/$what.$connections.$mode
    printf '%-6s %5d %-6s %10d %12.1f %10d\n' "$what" "$connections" $mode \
      "$(cut -d' ' -f1 "$file" | median)" "$(cut -d' ' -f2 "$file" | median)" "$(cut -d' ' -f3 "$file" | median)"
  done
done
