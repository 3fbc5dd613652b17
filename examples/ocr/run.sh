#!/bin/bash
# Serves the pipeline beside this file, has it read a page, and checks what it says.
# Files go to build/demo/.
set -euo pipefail
cd "$(dirname "$0")/../.."
leat=${LEAT_PROGRAM:-build/release/bin/leat}
pipeline=examples/ocr/pipeline.yaml
out=build/demo
mkdir -p $out

title() { printf '\n\033[1m%s\033[0m\n' "$1"; }
fail() { echo "demo: $1" >&2; exit 1; }

title "The pipeline, drawn (also as $out/graph.svg)"
"$leat" graph $pipeline
"$leat" graph $pipeline --output $out/graph.svg

build/deps/venv/bin/python examples/ocr/draw.py $out

title "leat serve $pipeline"
coproc SERVER { exec "$leat" serve $pipeline --http 0 --metrics 0; }
server=$SERVER_PID
trap 'kill $server 2>/dev/null || true' EXIT
read -r banner <&"${SERVER[0]}" || fail "the server did not start"
echo "$banner"
[[ $banner =~ (http://[^,]+):([0-9]+),\ metrics\ on\ :([0-9]+) ]] || fail "cannot read this line"
host=${BASH_REMATCH[1]} port=${BASH_REMATCH[2]} metrics=${BASH_REMATCH[3]}

title "curl --data-binary @$out/page.jpg $host:$port/run/ocr"
curl -sS --fail-with-body --data-binary "@$out/page.jpg" "$host:$port/run/ocr" >$out/answer.json ||
  fail "$(cat $out/answer.json)"
said=$(/usr/bin/python3 -c 'import json, sys; print(*json.load(sys.stdin)["text"], sep="\n")' <$out/answer.json)
echo "$said"
[ "$said" = "Pipelines in production
water to the mill
this line is tilted
and this upside down
42 pages, 7 pictures" ] || fail "that is not what $out/page.jpg says"

title "curl $host:$metrics/metrics"
curl -sS --fail-with-body "$host:$metrics/metrics" >$out/metrics.txt
grep -E '^leat_request_seconds_(count|sum)|^leat_step_run_seconds_sum' $out/metrics.txt ||
  fail "the metrics have no leat_request_seconds"

kill $server
wait $server
title "All of it read. Go on by hand:"
echo "  $leat serve $pipeline"
echo "  then drop a picture of text on the page at http://localhost:8000/"
