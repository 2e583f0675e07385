"""What the tests of the Python package share: vectors, and exact search in double as the oracle."""

import numpy

DIM = 16


def vectors(count, dim=DIM, seed=1, dtype=numpy.float32):
    """count x dim numbers from a normal distribution."""
    return numpy.random.default_rng(seed).standard_normal((count, dim)).astype(dtype)


def distances_to(base, query, metric):
    """Of every row, in double."""
    base, query = numpy.asarray(base, float), numpy.asarray(query, float)
    if metric == "l2":
        return ((base - query) ** 2).sum(axis=1)
    dots = base @ query
    if metric == "cosine":
        dots /= numpy.linalg.norm(base, axis=1) * numpy.linalg.norm(query)
    return 1 - dots


def nearest(base, query, k, metric="l2"):
    """Rows of the k nearest, nearest first."""
    return numpy.argsort(distances_to(base, query, metric), kind="stable")[:k]
