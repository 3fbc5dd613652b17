#!/bin/bash
# Serves the pipeline beside this file, asks it about two pictures, and checks what it says.
# Files go to build/demo/.
set -euo pipefail
cd "$(dirname "$0")/../.."
leat=${LEAT_PROGRAM:-build/release/bin/leat}
pipeline=examples/demo/pipeline.yaml
out=build/demo
mkdir -p $out

title() { printf '\n\033[1m%s\033[0m\n' "$1"; }
fail() { echo "demo: $1" >&2; exit 1; }
field() { /usr/bin/python3 -c 'import json, sys; print(eval(sys.argv[1], {"answer": json.load(sys.stdin)}))' "$1"; }

title "The pipeline, drawn (also as $out/graph.svg)"
"$leat" graph $pipeline
"$leat" graph $pipeline --output $out/graph.svg

build/deps/venv/bin/python examples/demo/draw.py $out

title "leat serve $pipeline"
coproc SERVER { exec "$leat" serve $pipeline --http 0 --metrics 0; }
server=$SERVER_PID
trap 'kill $server 2>/dev/null || true' EXIT
read -r banner <&"${SERVER[0]}" || fail "the server did not start"
echo "$banner"
[[ $banner =~ (http://[^,]+):([0-9]+),\ metrics\ on\ :([0-9]+) ]] || fail "cannot read this line"
host=${BASH_REMATCH[1]} port=${BASH_REMATCH[2]} metrics=${BASH_REMATCH[3]}

# ask PICTURE EXPECTED: what the text is
ask() {
  title "curl --data-binary @$out/$1.jpg $host:$port/run/demo"
  curl -sS --fail-with-body --data-binary "@$out/$1.jpg" "$host:$port/run/demo" >$out/answer.json ||
    fail "$(cat $out/answer.json)"
  cut -c 1-160 $out/answer.json
  said=$(field 'answer["text_is"][0]' <$out/answer.json)
  [ "$said" = "$2" ] || fail "$1.jpg: the answer is '$said', '$2' is right"
}
ask upright "upright"
[ "$(field 'answer["preview"]' <$out/answer.json)" = None ] || fail "upright text has a preview"
ask upside_down "upside down"
field 'answer["preview"]["b64"]' <$out/answer.json | base64 -d >$out/preview.jpg
[ "$(head -c 2 $out/preview.jpg | od -An -tx1)" = " ff d8" ] || fail "$out/preview.jpg is no JPEG"
echo "-> its preview: $out/preview.jpg, $(stat -c %s $out/preview.jpg) bytes"

title "curl $host:$metrics/metrics"
curl -sS --fail-with-body "$host:$metrics/metrics" >$out/metrics.txt
grep -E '^leat_request_seconds_(count|sum)|^leat_step_run_seconds_(count|sum)' $out/metrics.txt ||
  fail "the metrics have no leat_request_seconds"

kill $server
wait $server
title "Right, both times. Go on by hand:"
echo "  $leat serve $pipeline"
echo "  then drop $out/upside_down.jpg on the page at http://localhost:8000/"
