#!/usr/bin/env python3
"""How long batch_insert takes through numpy, beside the same in a C++ program: rounds of one and the other by turns.

    beside_cpp.py CPP_SIDE [--rows 10000] [--dim 768] [--rounds 15] [--threads 1]

CPP_SIDE is the program shoal_python_cpp_side of the build. Prints the median of the ratios of neighbouring rounds, and
how far they lie apart: by the clock, and of processor time, which says the same on a machine that does other things too.
An index must hold what was put in before its time counts.
"""

import argparse
import statistics
import subprocess
import tempfile
import time

import numpy
import shoal


def clustered(rows, dim):
    """Rows around 100 centres, as embeddings lie."""
    random = numpy.random.default_rng(1)
    centres = random.standard_normal((100, dim)).astype(numpy.float32)
    return centres[random.integers(0, 100, rows)] + random.standard_normal((rows, dim), dtype=numpy.float32)


def python_round(base, ids, **options):
    """(seconds by the clock, of processor time)"""
    index = shoal.Index("l2", base.shape[1])
    begin, processor_begin = time.perf_counter(), time.process_time()
    index.batch_insert(ids, base, **options)
    seconds = time.perf_counter() - begin, time.process_time() - processor_begin
    assert len(index) == len(base) and index.search(base[-1], k=1)[0][0] == ids[-1]
    return seconds


def cpp_round(program):
    program.stdin.write("\n")
    program.stdin.flush()
    return tuple(map(float, program.stdout.readline().split()))


def spread(times, beside):
    """The median of the ratios, and between which half of them lie."""
    ratios = sorted(a / b for a, b in zip(times, beside))
    quarter = len(ratios) // 4
    return f"{statistics.median(ratios):.3f} ({ratios[quarter]:.3f} to {ratios[-quarter - 1]:.3f})"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cpp_side")
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--dim", type=int, default=768)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()

    base, ids = clustered(arguments.rows, arguments.dim), numpy.arange(arguments.rows)
    ways = {
        "numpy, float32": lambda: python_round(base, ids, threads=arguments.threads),
        "numpy, with a callback": lambda: python_round(
            base, ids, threads=arguments.threads, progress=lambda completed, total: None
        ),
    }
    with tempfile.NamedTemporaryFile() as file:
        base.tofile(file.name)
        command = [arguments.cpp_side, file.name, *map(str, (arguments.rows, arguments.dim, arguments.threads))]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as program:
            cpp, python = [], {name: [] for name in ways}
            for _ in range(arguments.rounds + 1):  # the first round fills caches and is dropped
                cpp.append(cpp_round(program))
                for name, way in ways.items():
                    python[name].append(way())
            program.stdin.close()
    print(f"{arguments.rows} x {arguments.dim}, {arguments.threads} thread(s), {arguments.rounds} rounds")
    print("\n| | median s | ratio by the clock (half of the rounds) | of processor time |\n|---|---|---|---|")
    cpp_clock, cpp_processor = zip(*cpp[1:])
    print(f"| C++ | {statistics.median(cpp_clock):.3f} | | |")
    for name, times in python.items():
        clock, processor = zip(*times[1:])
        print(
            f"| {name} | {statistics.median(clock):.3f} | {spread(clock, cpp_clock)} |"
            f" {spread(processor, cpp_processor)} |"
        )


if __name__ == "__main__":
    main()
