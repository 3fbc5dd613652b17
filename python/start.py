"""Starts a worker whose package came along as arguments: NAME TEXT NAME TEXT ..., of which the
first is the package itself. So the program that starts it needs no files beside its own."""

import importlib.abc
import importlib.util
import sys


class Given(importlib.abc.InspectLoader):
    def __init__(self, texts):
        self.texts = texts

    def find_spec(self, name, path=None, target=None):
        if name not in self.texts:
            return None
        return importlib.util.spec_from_loader(name, self, is_package="." not in name)

    def get_code(self, name):
        return compile(self.texts[name], f"{name}.py", "exec")

    def get_source(self, name):  # for the lines of tracebacks
        return self.texts[name]


if sys.path[:1] == [""]:  # of python3 -c: the server's working directory holds no modules
    del sys.path[0]
sys.meta_path.insert(0, Given(dict(zip(sys.argv[1::2], sys.argv[2::2]))))

from leat_step.worker import main  # noqa: E402

main()
