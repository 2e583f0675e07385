#!/usr/bin/env python3
"""Turns the ```cpp blocks of Markdown pages into programs, so that what the documentation says is compiled and run.

    extract.py --out FOLDER PAGE...      writes FOLDER/*.cpp and prints their paths

The rule, by the word after ```cpp on the opening line:

    (none)          Statements. Each block is a function of its own, called once, that sees the variables of
                    preamble.hpp, made anew for each block. A block with a main() is a program of its own.
    declarations    At file scope, where the later blocks of the same page see it: types, templates, functions.
    ignore          Left out. For code that cannot run, such as a fragment that shows a mistake.

`#include` lines move to the top of the file. All blocks of a page without a main() make one program.
"""

import argparse
import pathlib
import re
import sys

FENCE = re.compile(r"^```(\w*)[ ]*(.*)$")
INDENTED = re.compile(r"^\s+```cpp")
MAIN = re.compile(r"^\s*int\s+main\s*\(", re.MULTILINE)
INCLUDE = re.compile(r"^\s*#\s*include\b")
KINDS = {"", "declarations", "ignore"}


def blocks(page):
    """(line number of the first line, kind, lines) of each cpp block."""
    language, kind, start, lines = None, "", 0, []
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        if INDENTED.match(line):
            sys.exit(f"{page}:{number}: an indented block would be missed: start it at the margin")
        if not line.startswith("```"):
            lines.append(line)
        elif language is None:
            language, kind = FENCE.match(line).groups()
            start, lines = number + 1, []
        else:
            if language == "cpp":
                if kind not in KINDS:
                    sys.exit(f"{page}:{start - 1}: unknown kind of block: {kind}")
                yield start, kind, lines
            language, lines = None, []
    if language is not None:
        sys.exit(f"{page}:{start - 1}: the block is not closed")


def write(path, text):
    """Leaves an unchanged file alone, so that it is not compiled again."""
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")
    print(path)


def program_of_page(page, found):
    includes, body, calls = [], [], []
    for start, kind, lines in found:
        includes += [line for line in lines if INCLUDE.match(line)]
        code = [f'#line {start} "{page}"'] + ["" if INCLUDE.match(line) else line for line in lines]
        if kind == "declarations":
            body += code
        else:
            name = f"block_at_line_{start}"
            body += [f"struct {name} : docs::Preamble {{ void run() {{"] + code + ["}};"]
            calls += [f'std::puts("{page.name}:{start}");', f"{name}{{}}.run();"]
    top = ["#include <cstdio>", '#include "preamble.hpp"'] + list(dict.fromkeys(includes))
    return "\n".join(top + ["namespace {"] + body + ["}", "int main() {"] + calls + ["}", ""])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("pages", type=pathlib.Path, nargs="*")
    arguments = parser.parse_args()

    for page in arguments.pages:
        statements = []
        for start, kind, lines in blocks(page):
            text = "\n".join(lines)
            if kind == "ignore":
                continue
            if MAIN.search(text):
                write(arguments.out / f"{page.stem}_{start}.cpp", f'#line {start} "{page}"\n{text}\n')
            else:
                statements.append((start, kind, lines))
        if statements:
            write(arguments.out / f"{page.stem}.cpp", program_of_page(page, statements))


if __name__ == "__main__":
    main()
