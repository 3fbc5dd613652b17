"""Rules that keep the tree as it is drawn: see `RULES`. `--self-test` shows that each can fail."""

import pathlib
import re
import subprocess
import sys
import tempfile

# A folder of src/ may include itself and folders of a lower rank. `leat` is include/leat, whose
# headers include only one another, since users have nothing else.
RANK = {"base": 0, "leat": 1, "memory": 2}
RANK |= dict.fromkeys(["codec", "ops", "plugin", "batch", "model", "worker", "index"], 3)
RANK |= {"pipeline": 4, "serve": 5, "cli": 6}
EVERYWHERE = {"leat/status.h"}  # how anything says that it failed; base/ too

LARGEST = 1 << 20
GENERATED = re.compile(
    r"(^|/)(build|__pycache__|CMakeFiles)/|CMakeCache\.txt$|compile_commands\.json$"
    r"|\.(o|a|so|gch|pyc|whl|deb|profraw)(\.[\d.]+)?$"
)
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.M)
LINK = re.compile(r"\]\(([^)\s#]+)(?:#[^)]*)?\)")
PATH = re.compile(r"(?<![\w/.~$-])\.?\w[\w.-]*(?:/[\w.*-]+)+/?")


def includes_point_one_way(root, files):
    for file in files:
        parts = pathlib.PurePath(file).parts
        if parts[0] not in ("src", "include") or not file.endswith((".cc", ".h")):
            continue
        own = parts[1]
        if own not in RANK or len(parts) < 3:
            yield f"{file}: is in no folder that has a place in the order ({', '.join(RANK)})"
            continue
        for name in INCLUDE.findall((root / file).read_text()):
            other = name.split("/")[0]
            if other not in RANK or "/" not in name:
                yield f'{file}: includes "{name}"; say the path from src/ or include/'
            elif not (
                other == own or name in EVERYWHERE or (RANK[other] < RANK[own] and own != "leat")
            ):
                yield f'{file}: includes "{name}", but {own}/ may not know {other}/'


def paths_in_documents_exist(root, files):
    tops = {pathlib.PurePath(file).parts[0] for file in files if "/" in file}
    for file in (f for f in files if f.endswith(".md")):
        text = (root / file).read_text()
        for link in LINK.findall(text):
            if "://" not in link and not link.startswith("mailto:"):
                if not ((root / file).parent / link).exists():
                    yield f"{file}: links to {link}, which is not there"
        for path in PATH.findall(text):
            path = path.rstrip("./")
            top, *rest = path.split("/")
            placeholder = any(part.split(".")[0].isupper() for part in rest)  # src/ops/NAME.cc
            if top not in tops or placeholder or any(root.glob(path)):
                continue
            if not ((root / file).parent / path).exists():
                yield f"{file}: speaks of {path}, which is not there"


def files_are_small(root, files):
    for file in files:
        if (size := (root / file).stat().st_size) > LARGEST:
            yield f"{file}: {size} bytes; at most {LARGEST} are allowed"


def nothing_generated(root, files):
    for file in files:
        if GENERATED.search(file):
            yield f"{file}: is generated; it does not belong in the repository"


RULES = [includes_point_one_way, paths_in_documents_exist, files_are_small, nothing_generated]


def check(root, files):
    return [fault for rule in RULES for fault in rule(root, files)]


def self_test():
    bad = {  # file: (content, what the fault must say; None where there is none)
        "src/base/a.h": ('#include "memory/b.h"\n', "base/ may not know memory/"),
        "src/base/a.cc": ('#include "leat/status.h"\n', None),
        "src/memory/b.h": ('#include "base/a.h"\n#include "leat/c.h"\n#include <x/y.h>\n', None),
        "src/ops/image/d.cc": ('  #  include "codec/e.h"', "ops/ may not know codec/"),
        "src/codec/e.h": ('#include "e2.h"', "say the path"),
        "src/pipeline/f.cc": ('#include "ops/g.h"\n#include "memory/b.h"', None),
        "src/pipeline/h.cc": ('#include "serve/i.h"', "pipeline/ may not know serve/"),
        "include/leat/c.h": ('#include "model/j.h"', "leat/ may not know model/"),
        "include/leat/c2.h": ('#include "base/a.h"', "leat/ may not know base/"),
        "src/utils/k.cc": ("", "no folder that has a place"),
        "src/l.cc": ("", "no folder that has a place"),
        "docs/m.md": ("`src/gone.cc`", "src/gone.cc, which is not there"),
        "n.md": ("[x](docs/gone.md) is [there](docs/m.md#part)", "docs/gone.md, which is not there"),
        "o.md": ("src/base, `src/*/b.h`, src/ops/NAME.cc; a/b, https://src/x, build/src/y.", None),
        "tests/p.bin": ("x" * (LARGEST + 1), "bytes; at most"),
        "tests/q.pyc": ("", "generated"),
        "src/base/libr.so.1.2": ("", "generated"),
    }
    with tempfile.TemporaryDirectory() as name:
        root = pathlib.Path(name)
        for file, (content, _) in bad.items():
            (root / file).parent.mkdir(parents=True, exist_ok=True)
            (root / file).write_text(content)
        faults = check(root, list(bad))
    for file, (_, expected) in bad.items():
        found = [fault for fault in faults if fault.startswith(file + ":")]
        assert bool(found) == bool(expected), f"{file}: expected {expected}, found {found}"
        assert all(expected in fault for fault in found), f"{file}: expected {expected}, found {found}"


def main():
    if "--self-test" in sys.argv:
        return self_test()
    root = pathlib.Path(__file__).resolve().parent.parent
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=root, check=True, capture_output=True, text=True).stdout
    files = [name for name in names.split("\0") if name and (root / name).is_file()]
    faults = check(root, files)
    print("\n".join(faults))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
