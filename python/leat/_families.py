"""leat.image and its like: a module for each family of operators that the engine has."""

import importlib.abc
import importlib.util
import sys


def names():
    from leat import _operators

    return _operators.families()


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """For `import leat.image`."""

    def find_spec(self, name, path=None, target=None):
        package, _, family = name.rpartition(".")
        if package != "leat" or family.startswith("_") or family not in names():
            return None
        return importlib.util.spec_from_loader(name, self)

    def exec_module(self, module):
        from leat import _operators

        family = module.__name__.rpartition(".")[2]
        _operators.fill(module, family)
        setattr(sys.modules["leat"], family, module)
