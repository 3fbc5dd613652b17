#!/bin/bash
# Installs what a build and the tests need on Debian 12. Run again, it changes nothing and is done at
# once. `setup.sh fuzz` adds clang with libFuzzer; `setup.sh bench` adds wrk, valgrind and the Python
# packages that leat is measured against.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(g++ cmake ninja-build ccache make pkg-config python3 python3-venv curl git
  clang-format-16 libyaml-cpp-dev libsimdjson-dev libcli11-dev libhwy-dev libturbojpeg0-dev
  libjpeg62-turbo-dev libspng-dev libwebp-dev zlib1g-dev libgtest-dev libgmock-dev
  libboost1.81-dev)  # headers only; its package conflicts with libboost1.74-dev
for extra in "$@"; do
  case $extra in
    fuzz) packages+=(clang-16 libclang-rt-16-dev) ;;
    bench) packages+=(wrk valgrind) ;;
    *) echo "setup.sh: no extra named '$extra'; there are: fuzz, bench" >&2; exit 2 ;;
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

case " $* " in *" bench "*)
  rivals=build/deps/rivals
  stamp=$(sha256sum <tools/bench-requirements.txt)
  if [ "$(cat $rivals/stamp 2>/dev/null)" != "$stamp" ]; then
    echo "setup: installing what leat is measured against"
    /usr/bin/python3 -m venv --clear $rivals
    $rivals/bin/pip -q install --no-deps --only-binary=:all: --require-hashes \
      -r tools/bench-requirements.txt
    echo "$stamp" >$rivals/stamp
  fi
esac

# ONNX Runtime: the official library out of its wheel, and Debian 13's headers. The headers speak an
# older version of the C API, which the library still answers.
ort=build/deps/onnxruntime
stamp=$(cat tools/setup.sh tools/requirements.txt tools/onnxruntime-headers.sha256 | sha256sum)
[ "$(cat $ort/stamp 2>/dev/null)" = "$stamp" ] && exit 0
echo "setup: fetching ONNX Runtime"
rm -rf $ort
mkdir -p $ort/include $ort/lib
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Debian 13's package is only unpacked. apt works in a directory of its own, on the mirror that this
# machine uses for Debian 12, so the machine's own sources stay as they are.
mirror() {
  apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' \
    'Codename: bookworm' 'Component: main' | head -n 1
}
[ -n "$(mirror)" ] || apt update
uri=$(mirror)
[ -n "$uri" ] || { echo "setup.sh: apt has no source of Debian 12 (bookworm main); add one" >&2; exit 1; }
keys=/usr/share/keyrings/debian-archive-keyring.gpg
[ -e "${keys%-keyring.gpg}-trixie-stable.gpg" ] || { apt update; apt install -y debian-archive-keyring; }
mkdir -p "$work"/{lists,archives}/partial
echo "deb [signed-by=$keys] $uri trixie main" >"$work/sources.list"
private=(-qq -o Dir::Etc::sourcelist="$work/sources.list" -o Dir::Etc::sourceparts=-
  -o Dir::State::lists="$work/lists" -o Dir::Cache="$work" -o Dir::Cache::archives="$work/archives"
  -o APT::Sandbox::User="$(id -un)")
(cd "$work" && apt-get "${private[@]}" update && apt-get "${private[@]}" download libonnxruntime-dev)
dpkg-deb -x "$work"/libonnxruntime-dev_*.deb "$work/dev"
while read -r _ header; do
  cp "$work/dev/usr/include/onnxruntime/$header" $ort/include/
done <tools/onnxruntime-headers.sha256
(cd $ort/include && sha256sum --quiet -c) <tools/onnxruntime-headers.sha256

[ -x build/deps/venv/bin/pip ] || /usr/bin/python3 -m venv build/deps/venv
build/deps/venv/bin/pip -q download --no-deps --only-binary=:all: --require-hashes \
  -d "$work" -r tools/requirements.txt
/usr/bin/python3 - "$work"/onnxruntime-*.whl $ort <<'PY'
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
[ -e $ort/lib/libonnxruntime.so.1 ]
echo "$stamp" >$ort/stamp
