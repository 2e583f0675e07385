"""The ```python blocks of README and docs, run: those of a page one after the other, as a reader would type them."""

import os
import pathlib
import re
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class TestDocs(unittest.TestCase):
    def test_every_block_runs(self):
        count = 0
        for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
            text = page.read_text(encoding="utf-8")
            names = {}
            with tempfile.TemporaryDirectory() as folder:
                home = os.getcwd()
                os.chdir(folder)
                try:
                    for block in BLOCK.finditer(text):
                        line = text.count("\n", 0, block.start()) + 1
                        with self.subTest(f"{page.name}:{line}"):
                            exec(compile("\n" * line + block[1], page, "exec"), names)
                        count += 1
                finally:
                    os.chdir(home)
        self.assertGreater(count, 3)


if __name__ == "__main__":
    unittest.main()
