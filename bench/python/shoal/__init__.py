"""Approximate nearest neighbours: an HNSW index whose first operation is the batch.

>>> import numpy, shoal
>>> index = shoal.Index("l2", 3)
>>> index.batch_insert([7, 8, 9], numpy.eye(3))
array([7, 8, 9], dtype=uint64)
>>> ids, distances = index.search([0, 2, 0], k=1)
>>> ids, distances
(array([8], dtype=uint64), array([1.], dtype=float32))

Everything that can be said of threads, errors and costs is in docs/python.md of the source tree.
"""

from ._errors import BatchError, BatchInterrupted, Error
from ._shoal import NO_ID, CheckReport, EraseReport, ErrorCode, Index, IndexStats, LevelStats, MemoryUsage
from ._shoal import ReadableIndex, __version__

__all__ = [
    "NO_ID",
    "BatchError",
    "BatchInterrupted",
    "CheckReport",
    "EraseReport",
    "Error",
    "ErrorCode",
    "Index",
    "IndexStats",
    "LevelStats",
    "MemoryUsage",
    "ReadableIndex",
    "__version__",
]
