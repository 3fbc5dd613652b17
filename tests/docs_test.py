"""docs/operators.md is what the program says of its operators."""

import unittest

from leat_process import ROOT, leat


class Docs(unittest.TestCase):
    def test_operators(self):
        page = (ROOT / "docs/operators.md").read_text()
        self.assertEqual(leat("ops", "--markdown").stdout, page, "`make docs` writes it anew")


if __name__ == "__main__":
    unittest.main()
