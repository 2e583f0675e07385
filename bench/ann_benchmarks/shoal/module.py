"""shoal as ann-benchmarks asks for it. To be used, this folder lies in that project's ann_benchmarks/algorithms."""

import numpy
import shoal

from ..base.module import BaseANN

METRICS = {"euclidean": "l2", "angular": "cosine"}


class Shoal(BaseANN):
    """One index: a metric, a storage ("float32", "sq8", "refined_sq8"), and {"M", "efConstruction"}.

    It is built on all cores, as others there are. Memory is what the base class measures, the growth of the process, so
    that it can be compared; a small index fits into what was freed before, and then that says little. `index_bytes` among
    a result's attributes is what the index itself counts.
    """

    def __init__(self, metric, storage, parameters):
        if metric not in METRICS:
            raise ValueError(f"expected one of the metrics {sorted(METRICS)}, got {metric!r}")
        self._metric = METRICS[metric]
        self._storage = storage
        self._parameters = parameters
        self._ef = 0
        self.name = str(self)

    def fit(self, X):
        self._index = shoal.Index(
            self._metric,
            X.shape[1],
            self._storage,
            M=self._parameters["M"],
            ef_construction=self._parameters["efConstruction"],
        )
        self._index.batch_insert(numpy.arange(len(X)), X, threads=0)

    def set_query_arguments(self, ef):
        self._ef = ef
        self.name = str(self)

    def query(self, q, n):
        return self._index.search(q, n, ef=self._ef)[0]

    def prepare_query(self, q, n):
        self._query = numpy.ascontiguousarray(q, dtype=numpy.float32), n

    def run_prepared_query(self):
        self._found = self.query(*self._query)

    def get_prepared_query_results(self):
        return self._found

    def batch_query(self, X, n):
        self._batch = self._index.batch_search(X, n, ef=self._ef, threads=0)

    def get_batch_results(self):
        ids, distances = self._batch
        return [row[numpy.isfinite(near)] for row, near in zip(ids, distances)]

    def get_additional(self):
        return {"index_bytes": self._index.memory_usage().total}

    def done(self):
        self._index = None

    def __str__(self):
        parameters = self._parameters
        return f"shoal({self._storage}, M={parameters['M']}, efConstruction={parameters['efConstruction']}, ef={self._ef})"
