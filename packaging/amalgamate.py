#!/usr/bin/env python3
"""Writes shoal as one header and prints its path: amalgamate.py [-o OUT] [HEADER...].

By default it is shoal/shoal.hpp that is written, to shoal-single.hpp.

Each `#include "shoal/..."` is replaced by the file it names, the first time only where the file says `#pragma once`.
What the standard library and others give stays an include. The result is for who wants one file to copy: it is made
anew from the headers, never edited. Optional parts are named beside the umbrella: shoal/sqlite/sqlite_vector_store.hpp.
"""

import argparse
import os
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
INCLUDE_DIR = ROOT / "include"

INCLUDE = re.compile(r'\s*#\s*include\s*[<"](shoal/[^>"]+)[>"]')
CONDITION = re.compile(r"\s*#\s*(if|ifdef|ifndef|endif)\b")
ONCE = re.compile(r"\s*#\s*pragma\s+once\b")


class Amalgamation:
    def __init__(self):
        self.lines = []
        self.seen = set()

    def add(self, name, where, depth=0):
        """The file `name`, which `where` includes inside `depth` conditions."""
        path = INCLUDE_DIR / name
        if not path.is_file():
            sys.exit(f"{where}: includes {name}, which is not in {INCLUDE_DIR}")
        lines = path.read_text(encoding="utf-8").splitlines()
        if any(ONCE.match(line) for line in lines):
            if name in self.seen:
                return
            if depth > 0:
                sys.exit(f"{where}: {name} is included under a condition, and would be missing where that does not hold")
            self.seen.add(name)
        self.lines.append(f"// ---- {name} ----")
        for number, line in enumerate(lines, 1):
            if condition := CONDITION.match(line):
                depth += -1 if condition.group(1) == "endif" else 1
            if include := INCLUDE.match(line):
                self.add(include.group(1), f"{name}:{number}", depth)
            elif not ONCE.match(line):
                self.lines.append(line)


def version():
    text = (INCLUDE_DIR / "shoal/core/version.hpp").read_text(encoding="utf-8")
    return ".".join(re.findall(r"^#define SHOAL_VERSION_\w+ (\d+)$", text, re.MULTILINE))


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0] + ".")
    parser.add_argument("headers", nargs="*", default=["shoal/shoal.hpp"], metavar="HEADER")
    parser.add_argument("-o", "--output", type=pathlib.Path, default="shoal-single.hpp")
    arguments = parser.parse_args()

    amalgamation = Amalgamation()
    for header in arguments.headers:
        amalgamation.add(header, "the command line")
    licence = "SPDX-License-Identifier: Apache-2.0"
    opening = f"// shoal {version()} in one file, made by packaging/amalgamate.py: do not edit. {licence}\n#pragma once\n"
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(opening + "\n".join(amalgamation.lines) + "\n", encoding="utf-8")
    print(os.path.relpath(arguments.output))


if __name__ == "__main__":
    main()
