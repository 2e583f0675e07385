#!/usr/bin/env python3
"""Writes a set of vectors as ann-benchmarks reads them: train, test, and the exact neighbours of each query.

    to_hdf5.py BASE OUT [--queries FILE] [--distance euclidean|angular] [--count 100] [--rows N] [--max-queries N]

BASE is a .fvecs, .bvecs, .npy or .hdf5 file, or a folder that holds base.* and query.*. Without queries, rows are held
out: as many as 1,000, spread evenly. The neighbours are computed here, in double, whatever files say of them.
"""

import argparse
import pathlib
import sys

import h5py
import numpy

SUFFIXES = (".fvecs", ".bvecs", ".npy", ".hdf5", ".h5")
DISTANCES = ("euclidean", "angular")


def read_vecs(path, component):
    """.fvecs, .bvecs: for each row a little-endian int32, its length, and so many components."""
    with open(path, "rb") as file:
        head = numpy.fromfile(file, "<i4", 1)
    if len(head) == 0 or head[0] <= 0:
        sys.exit(f"{path}: expected the length of the first row, got {head[0] if len(head) else 'an empty file'}")
    row = numpy.dtype([("length", "<i4"), ("values", component, (int(head[0]),))])
    if path.stat().st_size % row.itemsize != 0:
        sys.exit(f"{path}: expected rows of {row.itemsize} bytes, got {path.stat().st_size} bytes in all")
    rows = numpy.memmap(path, row, "r")
    if (rows["length"] != head[0]).any():
        sys.exit(f"{path}: expected {head[0]} components in every row, row {(rows['length'] != head[0]).argmax()} differs")
    return rows["values"]


def read_vectors(path, name="train"):
    """Rows of numbers. `name`: of the data set in an HDF5 file."""
    if path.suffix == ".npy":
        return numpy.load(path, mmap_mode="r", allow_pickle=False)
    if path.suffix in (".hdf5", ".h5"):
        with h5py.File(path, "r") as file:
            return file[name][:] if name in file else None
    if path.suffix in (".fvecs", ".bvecs"):
        return read_vecs(path, "<f4" if path.suffix == ".fvecs" else "u1")
    sys.exit(f"{path}: expected a file of {', '.join(SUFFIXES)}")


def only_file(folder, stem):
    found = [path for path in sorted(folder.glob(stem + ".*")) if path.suffix in SUFFIXES]
    if len(found) > 1:
        sys.exit(f"{folder}: expected one {stem} file, got {', '.join(path.name for path in found)}")
    return found[0] if found else None


def read_set(base, queries=None, rows=None, max_queries=None):
    """(train, test) as float32."""
    if base.is_dir():
        queries = queries or only_file(base, "query")
        folder, base = base, only_file(base, "base")
        if base is None:
            sys.exit(f"{folder}: expected a file base.fvecs, .bvecs, .npy or .hdf5")
    train = read_vectors(base)
    if queries:
        test = read_vectors(queries, "test")
    else:
        test = read_vectors(base, "test") if base.suffix in (".hdf5", ".h5") else None
    if train is None or train.ndim != 2:
        sys.exit(f"{base}: expected rows of numbers, got {'none' if train is None else train.shape}")
    train = numpy.asarray(train[:rows], numpy.float32)
    if test is None:
        held_out = numpy.linspace(0, len(train) - 1, min(1_000, len(train) // 11)).astype(int)
        train, test = numpy.delete(train, held_out, axis=0), train[held_out]
    test = numpy.asarray(test[:max_queries], numpy.float32)
    if test.ndim != 2 or len(test) == 0 or test.shape[1] != train.shape[1]:
        sys.exit(f"expected queries of {train.shape[1]} components, got an array of shape {test.shape}")
    if not (numpy.isfinite(train).all() and numpy.isfinite(test).all()):
        sys.exit(f"{base}: expected finite components")
    return train, test


def exact_neighbours(train, test, distance, count):
    """(rows, distances) of the nearest, test x count, nearest first; a block of queries at a time, in double."""
    train, test = train.astype(numpy.float64), test.astype(numpy.float64)
    if distance == "angular":
        train /= numpy.linalg.norm(train, axis=1, keepdims=True)
        test /= numpy.linalg.norm(test, axis=1, keepdims=True)
    squares = (train**2).sum(axis=1)
    rows = numpy.empty((len(test), count), numpy.int32)
    distances = numpy.empty((len(test), count), numpy.float32)
    block = max(1, 2**25 // len(train))
    for begin in range(0, len(test), block):
        some = test[begin : begin + block]
        # Ranked by what depends on the row alone; |query|^2 is the same for all.
        near = squares - 2 * (some @ train.T)
        chosen = numpy.argpartition(near, count - 1, axis=1)[:, :count]
        for i, (query, candidates) in enumerate(zip(some, chosen), begin):
            exact = ((train[candidates] - query) ** 2).sum(axis=1)
            order = numpy.lexsort((candidates, exact))
            rows[i] = candidates[order]
            # Of unit vectors, half the squared distance is 1 - cosine.
            distances[i] = numpy.sqrt(exact[order]) if distance == "euclidean" else exact[order] / 2
    return rows, distances


def write(out, train, test, distance, count):
    """The file appears when it is whole."""
    neighbours, distances = exact_neighbours(train, test, distance, min(count, len(train)))
    unfinished = out.with_name(out.name + ".part")
    with h5py.File(unfinished, "w") as file:
        file.attrs.update(type="dense", distance=distance, dimension=train.shape[1], point_type="float")
        file["train"], file["test"] = train, test
        file["neighbors"], file["distances"] = neighbours, distances
    unfinished.rename(out)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("base", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--queries", type=pathlib.Path)
    parser.add_argument("--distance", choices=DISTANCES, default="euclidean")
    parser.add_argument("--count", type=int, default=100, help="neighbours of each query (100)")
    parser.add_argument("--rows", type=int, help="the first so many rows of the base")
    parser.add_argument("--max-queries", type=int, help="the first so many queries")
    arguments = parser.parse_args()
    train, test = read_set(arguments.base, arguments.queries, arguments.rows, arguments.max_queries)
    write(arguments.out, train, test, arguments.distance, arguments.count)
    print(f"{arguments.out}: {len(train)} x {train.shape[1]}, {len(test)} queries, {arguments.distance}")


if __name__ == "__main__":
    main()
