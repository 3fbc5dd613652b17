"""Which package the tests of aqueduct_*_test.py look at: AQUEDUCT_PACKAGE=aqueduct runs them against
Aqueduct itself, which shows that they describe what it does. The tests marked `better` are of what
leat does on purpose where Aqueduct stops the flow, waits for ever or leaks."""

import importlib
import os
import pathlib
import sys
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def use_tree():
    """The module as it was built here, if none is installed."""
    try:
        import leat._leat  # noqa: F401
    except ImportError:
        sys.modules.pop("leat", None)
        sys.path.insert(0, str(ROOT / "python"))
        import leat
        leat.__path__.append(str(ROOT / "build/release"))


use_tree()

PACKAGE = os.environ.get("AQUEDUCT_PACKAGE", "leat.aqueduct")
THEIRS = PACKAGE == "aqueduct"

for needed in ("numpy", "cloudpickle", *(["aqueduct"] if THEIRS else ["leat._leat"])):
    try:
        importlib.import_module(needed)
    except ImportError as missing:
        print(f"skipped: {missing}; tools/setup.sh bench and `make docs` bring what these tests need")
        sys.exit(0)

better = unittest.skipIf(THEIRS, "leat is to do better than Aqueduct here")


def module(name=""):
    """aqueduct.NAME of the package that is looked at."""
    return importlib.import_module(f"{PACKAGE}.{name}" if name else PACKAGE)


def quiet():
    """Nothing at standard error but what goes wrong in a test."""
    module("logger").log.setLevel("CRITICAL")


def until(condition, what):
    """Waits for something that another process does."""
    give_up = time.monotonic() + 60
    while not condition():
        if time.monotonic() > give_up:
            raise AssertionError(f"{what} has not come about within a minute")
        time.sleep(0.005)


class Started:
    """A flow within `async with`."""

    def __init__(self, *steps, **options):
        options.setdefault("metrics_enabled", False)
        self.flow = module().Flow(*steps, **options)

    async def __aenter__(self):
        self.flow.start()
        return self.flow

    async def __aexit__(self, *_):
        await self.flow.stop(graceful=False)
