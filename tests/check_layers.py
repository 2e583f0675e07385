#!/usr/bin/env python3
"""Holds include/shoal to the order of docs/architecture.md.

A folder may include only the folders that ALLOWED names for it, and itself. Nothing that shoal.hpp reaches may include
an optional dependency: a program that never uses Eigen must build where there is none.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent / "include" / "shoal"

ALLOWED = {
    "core": set(),
    "io": {"core"},
    "simd": {"core"},
    "metric": {"core", "simd"},
    "storage": {"core", "simd", "metric"},
    "graph": {"core", "simd"},
    "index": {"core", "io", "simd", "metric", "storage", "graph"},
    "ingest": {"core", "io", "simd", "metric", "storage", "graph", "index"},
    "session": {"core", "io", "simd", "metric", "storage", "graph", "index"},
    "shards": {"core", "io", "simd", "metric", "storage", "graph", "index"},
    "eigen": {"core", "simd", "metric", "storage", "graph", "index"},
    "sqlite": {"core", "index", "ingest"},
    "compat": {"core", "io", "simd", "metric", "storage", "graph", "index"},
    "mpi": {"core", "io", "simd", "metric", "storage", "graph", "index", "shards"},
}
UMBRELLA = "shoal.hpp"

# Headers of other projects that the core may use; what a folder of its own needs besides.
EXTERNAL = {"xsimd/xsimd.hpp": {"simd"}, "tl/expected.hpp": {"core"}}
EXTERNAL_OF_FOLDER = {"eigen": re.compile(r"Eigen/"), "sqlite": re.compile(r"sqlite3\.h"), "mpi": re.compile(r"mpi\.h")}
OPTIONAL = set(EXTERNAL_OF_FOLDER)
SYSTEM_HEADERS = re.compile(r"(immintrin|nmmintrin|arm_neon|arm_acle|wasm_simd128|sys/\w+|fcntl|unistd)\.h")

INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]')


def includes(path):
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if match := INCLUDE.match(line):
            yield number, match.group(1)


def problem(path, folder, included):
    """Why `path` of `folder` may not include `included`, or None. The umbrella's folder is the empty string."""
    local = path.parent / included
    target = ROOT / included.removeprefix("shoal/") if included.startswith("shoal/") else local
    if target.is_file() and target.resolve().is_relative_to(ROOT):
        to = target.resolve().relative_to(ROOT).parts[0]
        if to == UMBRELLA:
            return "no header includes the umbrella" if folder not in OPTIONAL else None
        if folder == "":
            return f"the umbrella leaves out {to}/" if to in OPTIONAL else None
        if to != folder and to not in ALLOWED[folder]:
            return f"{folder}/ may not include {to}/"
        return None
    if included.startswith("shoal/"):
        return "there is no such header"
    if included in EXTERNAL:
        return None if folder in EXTERNAL[included] else f"only {', '.join(EXTERNAL[included])}/ may include it"
    if "/" not in included and "." not in included:
        return None  # the standard library
    if SYSTEM_HEADERS.fullmatch(included):
        return None
    if (own := EXTERNAL_OF_FOLDER.get(folder)) and own.match(included):
        return None
    return "an optional dependency, or one nobody declared"


def main():
    failures = []
    headers = sorted(ROOT.rglob("*.hpp"))
    for path in headers:
        parts = path.relative_to(ROOT).parts
        folder = parts[0] if len(parts) > 1 else ""
        where = path.relative_to(ROOT.parent.parent)
        if folder not in ALLOWED and parts != (UMBRELLA,):
            failures.append(f"{where}: a folder that docs/architecture.md does not name")
            continue
        for number, included in includes(path):
            if reason := problem(path, folder, included):
                failures.append(f"{where}:{number}: includes {included}: {reason}")
    print("\n".join(failures) if failures else f"{len(headers)} headers keep to the layers")
    return 1 if failures or not headers else 0


if __name__ == "__main__":
    sys.exit(main())
