#!/bin/bash
# Installs what a build and the tests need on Debian 12. Run again, it changes nothing and is done at
# once. `setup.sh fuzz` adds clang with libFuzzer, and llvm-cov; `setup.sh bench` adds wrk, valgrind,
# perf and the Python packages that leat is measured against; `setup.sh demo` adds Pillow, numpy and
# the demo's models; `setup.sh python` adds what the Python module is built and tested with.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(g++ cmake ninja-build ccache make pkg-config python3 python3-venv curl git
  clang-format-16 libyaml-cpp-dev libsimdjson-dev libcli11-dev libhwy-dev
  libjpeg62-turbo-dev libspng-dev libdeflate-dev libtiff-dev libwebp-dev zlib1g-dev
  libgtest-dev libgmock-dev
  libboost1.81-dev)  # headers only; its package conflicts with libboost1.74-dev
for extra in "$@"; do
  case $extra in
    fuzz) packages+=(clang-16 llvm-16 libclang-rt-16-dev) ;;
    bench) packages+=(wrk valgrind linux-perf); bench=yes ;;
    demo) demo=yes ;;
    python) packages+=(python3-dev); python=yes ;;
    *) echo "setup.sh: no extra named '$extra'; there are: fuzz, bench, demo, python" >&2; exit 2 ;;
  esac
done

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }
apt() { as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 "$@"; }

mkdir -p build/deps
exec 9>build/deps/.lock
flock 9  # two makes in one tree install once

installed=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "${packages[@]}" 2>/dev/null |
  grep -c ' installed$' || true)
if [ "$installed" != "${#packages[@]}" ]; then
  echo "setup: installing Debian packages"
  apt update
  apt install -y --no-install-recommends "${packages[@]}" >/dev/null
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# once FOLDER FUNCTION FILE...: `FUNCTION NEW` fills NEW, which becomes build/deps/FOLDER, unless that was
# made before by the same function from the same files.
once() {
  local folder=build/deps/$1 new=build/deps/$1.new stamp
  stamp=$(declare -f "$2" | cat - "${@:3}" | sha256sum)
  [ "$(cat "$folder/stamp" 2>/dev/null)" = "$stamp" ] && return
  rm -rf "$new"
  mkdir -p "$new"
  "$2" "$new"
  echo "$stamp" >"$new/stamp"
  rm -rf "$folder"
  mv "$new" "$folder"
}

# wheels FILE [FOLDER]: those of the file go to $work, or the folder.
wheels() {
  [ -x build/deps/venv/bin/python ] || /usr/bin/python3 -m venv build/deps/venv
  build/deps/venv/bin/python -m pip -q download --no-deps --only-binary=:all: --require-hashes -d "${2:-$work}" -r "$1"
}

# The mirror that this machine uses for Debian 12.
mirror() {
  apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' \
    'Codename: bookworm' 'Component: main' | head -n 1
}

# The official library out of its wheel, and Debian 13's headers. The headers speak an older version
# of the C API, which the library still answers.
fetch_onnxruntime() {
  echo "setup: fetching ONNX Runtime"
  mkdir -p "$1"/{include,lib}

  # Debian 13's package is only unpacked. apt works in a directory of its own, so the machine's own
  # sources stay as they are.
  [ -n "$(mirror)" ] || apt update
  local uri keys=/usr/share/keyrings/debian-archive-keyring.gpg
  uri=$(mirror)
  [ -n "$uri" ] || { echo "setup.sh: apt has no source of Debian 12 (bookworm main); add one" >&2; exit 1; }
  [ -e "${keys%-keyring.gpg}-trixie-stable.gpg" ] || { apt update; apt install -y debian-archive-keyring; }
  mkdir -p "$work"/{lists,archives}/partial
  echo "deb [signed-by=$keys] $uri trixie main" >"$work/sources.list"
  local private=(-qq -o Dir::Etc::sourcelist="$work/sources.list" -o Dir::Etc::sourceparts=-
    -o Dir::State::lists="$work/lists" -o Dir::Cache="$work" -o Dir::Cache::archives="$work/archives"
    -o APT::Sandbox::User="$(id -un)")
  (cd "$work" && apt-get "${private[@]}" update && apt-get "${private[@]}" download libonnxruntime-dev)
  dpkg-deb -x "$work"/libonnxruntime-dev_*.deb "$work/dev"
  while read -r _ header; do
    cp "$work/dev/usr/include/onnxruntime/$header" "$1/include/"
  done <tools/onnxruntime-headers.sha256
  (cd "$1/include" && sha256sum --quiet -c) <tools/onnxruntime-headers.sha256

  wheels tools/requirements.txt
  /usr/bin/python3 - "$work"/onnxruntime-*.whl "$1" <<'PY'
import pathlib, sys, zipfile
wheel, target = zipfile.ZipFile(sys.argv[1]), pathlib.Path(sys.argv[2])
for name in wheel.namelist():
    stem = name.rsplit("/", 1)[-1]
    if stem.startswith("libonnxruntime.so."):
        (target / "lib" / stem).write_bytes(wheel.read(name))
        for link in ("libonnxruntime.so.1", "libonnxruntime.so"):
            (target / "lib" / link).symlink_to(stem)
    elif name in ("onnxruntime/LICENSE", "onnxruntime/ThirdPartyNotices.txt"):
        (target / stem).write_bytes(wheel.read(name))
PY
  [ -e "$1/lib/libonnxruntime.so.1" ]
}

# Pillow and numpy, and trained models out of a package that carries some.
fetch_demo() {
  echo "setup: fetching the demo's models"
  wheels tools/demo-requirements.txt
  build/deps/venv/bin/python -m pip -q install --no-deps --no-index "$work"/{pillow,numpy}-*.whl
  /usr/bin/python3 - "$work"/rapidocr_onnxruntime-*.whl "$1" <<'PY'
import pathlib, sys, zipfile

def varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 127) << shift
        shift, at = shift + 7, at + 1
        if data[at - 1] < 128:
            return value, at

def fields(data):
    """(number, bytes) of each field of a protobuf message that has a length."""
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        size, value = varint(data, at)
        at = {0: value, 1: at + 8, 2: value + size, 5: at + 4}[key & 7]
        if key & 7 == 2:
            yield key >> 3, data[value:at]

package, folder = zipfile.ZipFile(sys.argv[1]), pathlib.Path(sys.argv[2])
for name, model in (("text_finder", "ch_PP-OCRv4_det_infer"), ("text_reader", "ch_PP-OCRv4_rec_infer"),
                    ("orientation", "ch_ppocr_mobile_v2.0_cls_infer")):
    data = package.read(f"rapidocr_onnxruntime/models/{model}.onnx")
    (folder / f"{name}.onnx").write_bytes(data)
    for number, entry in fields(data):
        if number == 14 and dict(fields(entry)).get(1) == b"character":  # ModelProto.metadata_props
            (folder / "characters.txt").write_bytes(dict(fields(entry))[2].rstrip(b"\n") + b"\n")
PY
}

# What leat is measured against.
fetch_rivals() {
  echo "setup: installing what leat is measured against"
  /usr/bin/python3 -m venv "$1"
  "$1/bin/python" -m pip -q install --no-deps --only-binary=:all: --no-binary=pyvips \
    --require-hashes -r tools/bench-requirements.txt
}

# Headers and sources that the module is compiled with.
fetch_nanobind() {
  echo "setup: fetching nanobind"
  grep -A 1 '^nanobind==' tools/python-requirements.txt >"$work/nanobind.txt"
  wheels "$work/nanobind.txt"
  /usr/bin/python3 -m zipfile -e "$work"/nanobind-*.whl "$1"
}

# Wheels for the test that installs the module into a fresh virtual environment, without a network.
fetch_wheels() {
  echo "setup: fetching what the module is built and tested with"
  wheels tools/python-requirements.txt "$1"
}

once onnxruntime fetch_onnxruntime tools/requirements.txt tools/onnxruntime-headers.sha256
[ -z "${demo:-}" ] || once demo fetch_demo tools/demo-requirements.txt
[ -z "${bench:-}" ] || once rivals fetch_rivals tools/bench-requirements.txt
[ -z "${python:-}" ] || once nanobind fetch_nanobind tools/python-requirements.txt
[ -z "${python:-}" ] || once wheels fetch_wheels tools/python-requirements.txt
