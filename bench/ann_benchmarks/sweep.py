#!/usr/bin/env python3
"""Runs ann-benchmarks on this machine, without Docker: shoal and hnswlib on the same set, by the harness's own runner.

    sweep.py HARNESS DATA [--algorithm NAME]... [--distance euclidean|angular] [--runs 5] [--count 10] [--plot FILE]

HARNESS is a checkout of https://github.com/erikbern/ann-benchmarks, in which this puts the set (data/NAME.hdf5, by
to_hdf5.py) and the folder shoal; DATA is what to_hdf5.py takes. What is run is what shoal/config.yml and
hnswlib/config.yml beside this file say. Results lie in HARNESS/results, so that plot.py and the other tools of the
harness find them; here they become a table and, with --plot, a picture (.svg, .png: needs matplotlib).
"""

import argparse
import multiprocessing
import os
import pathlib
import re
import shutil
import sys

import numpy
import shoal
import to_hdf5
import yaml

HERE = pathlib.Path(__file__).parent.resolve()


def definitions():
    """{algorithm: how many index configurations and query arguments its sweep has}"""
    sizes = {}
    for path in sorted(HERE.glob("*/config.yml")):
        for algorithm in yaml.safe_load(path.read_text())["float"]["any"]:
            groups = algorithm["run_groups"].values()
            sizes[algorithm["name"]] = sum(len(group["query_args"][0]) for group in groups)
    return sizes


def prepare(harness, arguments):
    """Puts set and algorithm into the checkout; returns the name of the set."""
    if not (harness / "ann_benchmarks" / "runner.py").is_file():
        sys.exit(f"{harness}: expected a checkout of ann-benchmarks, found no ann_benchmarks/runner.py")
    shutil.copytree(HERE / "shoal", harness / "ann_benchmarks" / "algorithms" / "shoal", dirs_exist_ok=True)
    name = arguments.name or f"{arguments.data.resolve().stem}-{arguments.distance}"
    path = harness / "data" / f"{name}.hdf5"
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        train, test = to_hdf5.read_set(arguments.data, None, arguments.rows, arguments.max_queries)
        to_hdf5.write(path, train, test, arguments.distance, 100)
    return name


def run_each(definitions, arguments):
    """In place of the harness's workers, which end when their queue is empty: that it may still be when they begin. A
    process for each index."""
    from ann_benchmarks import runner

    for definition in definitions:
        options = (definition, arguments.dataset, arguments.count, arguments.runs, arguments.batch)
        worker = multiprocessing.Process(target=runner.run, args=options)
        worker.start()
        worker.join()


def run(name, algorithm, arguments):
    """What run.py does, but for the above."""
    from ann_benchmarks import datasets, main

    datasets.DATASETS.setdefault(name, None)  # the runner takes only sets it knows
    main.create_workers_and_execute = run_each
    sys.argv = ["run.py", "--local", "--dataset", name, "--algorithm", algorithm, "--definitions", str(HERE)]
    sys.argv += ["--count", str(arguments.count), "--runs", str(arguments.runs)] + ["--force"] * arguments.force
    try:
        main.main()
    except Exception as error:
        if str(error) != "Nothing to run":  # all of it has been run
            raise


def read_results(name, count):
    """{algorithm: [(recall, queries a second, build seconds, parameters)]}, best recall first."""
    from ann_benchmarks import datasets, results

    true_distances = numpy.asarray(datasets.get_dataset(name)[0]["distances"])
    found = {}
    for properties, file in results.load_all_results(name, count):
        # As near as the k-th neighbour counts, as in the harness's own metric.
        hits = numpy.asarray(file["distances"]) <= true_distances[:, count - 1 : count] + 1e-3
        speed = 1 / properties["best_search_time"]
        result = (float(hits.mean()), speed, properties["build_time"], properties["name"])
        found.setdefault(properties["algo"], []).append(result)
    return {algorithm: sorted(found[algorithm], reverse=True) for algorithm in sorted(found)}


def frontier(runs):
    """Those that no other beats in both recall and speed."""
    best, kept = 0, []
    for run in runs:  # best recall first
        if run[1] > best:
            best = run[1]
            kept.append(run)
    return kept


def queries_a_second_at(runs, recall):
    """Between two points of the frontier, on a logarithmic scale of speed; where all have a higher recall, the fastest;
    None where no point reaches it."""
    points = sorted((run[0], numpy.log(run[1])) for run in frontier(runs))
    recalls, speeds = zip(*points)
    if recall > recalls[-1]:
        return None
    return float(numpy.exp(numpy.interp(recall, recalls, speeds)))


def print_table(found):
    recalls = (0.9, 0.95, 0.99, 0.995)
    print("\n| algorithm | points |" + "".join(f" QPS at {recall} |" for recall in recalls) + " highest recall |")
    print("|---|---|" + "---|" * (len(recalls) + 1))
    for algorithm, runs in found.items():
        speeds = [queries_a_second_at(runs, recall) for recall in recalls]
        cells = "".join(f" {speed:,.0f} |" if speed else " never |" for speed in speeds)
        print(f"| {algorithm} | {len(runs)} |{cells} {runs[0][0]:.4f} |")
    print("\n| index | build s |\n|---|---|")
    without_ef = re.compile(r",? '?ef(Query'?:|=) ?\d+")
    built = {(without_ef.sub("", run[3]), run[2]) for runs in found.values() for run in runs}
    for index, seconds in sorted(built):
        print(f"| {index} | {seconds:.1f} |")


def draw(found, title, path):
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 4.5))
    for algorithm, runs in found.items():
        kept = frontier(runs)
        axes.plot([run[0] for run in kept], [run[1] for run in kept], marker="o", markersize=3, label=algorithm)
    axes.set(xlabel="recall", ylabel="queries a second, one core", yscale="log", title=title)
    axes.set_xlim(left=max(0.5, min(run[0] for runs in found.values() for run in frontier(runs))))
    axes.grid(which="both", alpha=0.3)
    axes.legend()
    figure.tight_layout()
    figure.savefig(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("harness", type=pathlib.Path)
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("--algorithm", action="append", choices=sorted(definitions()), help="one of the sweep; all")
    parser.add_argument("--distance", choices=to_hdf5.DISTANCES, default="euclidean")
    parser.add_argument("--name", help="of the set (that of DATA, and the distance)")
    parser.add_argument("--rows", type=int, help="the first so many rows of the base")
    parser.add_argument("--max-queries", type=int, help="the first so many queries")
    parser.add_argument("--runs", type=int, default=5, help="of each point, of which the fastest counts (5)")
    parser.add_argument("--count", type=int, default=10, help="neighbours (10)")
    parser.add_argument("--force", action="store_true", help="run again what has results")
    parser.add_argument("--plot", type=pathlib.Path)
    arguments = parser.parse_args()
    if not hasattr(shoal, "Index"):  # what was found then is the folder beside this file
        sys.exit("expected the Python package shoal to be installed: docs/python.md")
    plot = arguments.plot.resolve() if arguments.plot else None

    harness = arguments.harness.resolve()
    name = prepare(harness, arguments)
    os.chdir(harness)
    sys.path.insert(0, str(harness))
    wanted = arguments.algorithm or sorted(definitions())
    for algorithm in wanted:
        run(name, algorithm, arguments)

    found = read_results(name, arguments.count)
    print_table(found)
    if plot:
        draw(found, f"{name}, k = {arguments.count}", plot)
    sizes = definitions()
    missing = [algorithm for algorithm in wanted if len(found.get(algorithm, [])) < sizes[algorithm]]
    if missing:
        sys.exit(f"not every point has a result: {', '.join(missing)}; the log above says why")


if __name__ == "__main__":
    main()
