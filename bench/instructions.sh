#!/bin/bash
# Instructions that a call costs and that each further step adds, by callgrind: chains of 1 and 10
# steps that do nothing. A run of many calls less one of few, so that start and load do not count.
set -euo pipefail
cd "$(dirname "$0")/.."
few=2000 many=52000
# Callgrind counts each byte of a `rep stosb` as an instruction.
export GLIBC_TUNABLES=glibc.cpu.x86_rep_stosb_threshold=1048576

# instructions STEPS CALLS: of the whole program.
instructions() {
  valgrind --tool=callgrind --callgrind-out-file=/dev/null build/release/bench/overhead "$@" 2>&1 |
    awk '/Collected/ { print $NF }'
}

# per_call STEPS
per_call() {
  local less more
  less=$(instructions "$1" $few)
  more=$(instructions "$1" $many)
  echo $(((more - less) / (many - few)))
}

echo "instructions of chains of steps that do nothing, by callgrind"
one=$(per_call 1) ten=$(per_call 10)
printf '  %-58s %12d\n' "one step, a call" "$one" "ten steps, a call" "$ten" \
  "a step: (ten - one) / 9" $(((ten - one) / 9))
