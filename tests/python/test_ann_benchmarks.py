"""The folder for ann-benchmarks, called as its runner calls it, and the script that writes its files."""

import importlib
import itertools
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
import unittest

import numpy
from support import nearest, vectors

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "bench" / "ann_benchmarks"

try:
    import h5py
except ImportError:
    h5py = None
try:
    import yaml
except ImportError:
    yaml = None


class TestAlgorithm(unittest.TestCase):
    """In a package of the harness's shape, with a base class as bare as its interface."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        algorithms = pathlib.Path(folder.name) / "ann_benchmarks" / "algorithms"
        (algorithms / "base").mkdir(parents=True)
        (algorithms / "base" / "module.py").write_text(
            textwrap.dedent(
                """
                class BaseANN:
                    def get_memory_usage(self):
                        return 0
                """
            )
        )
        shutil.copytree(FOLDER / "shoal", algorithms / "shoal")
        sys.path.insert(0, folder.name)
        self.addCleanup(sys.path.remove, folder.name)
        self.addCleanup(lambda: [sys.modules.pop(name) for name in list(sys.modules) if name.startswith("ann_bench")])

    def test_every_definition_is_made_filled_and_asked_in_all_ways(self):
        if yaml is None:
            self.skipTest("needs PyYAML")
        base, queries = vectors(500, dtype=float), vectors(10, seed=2, dtype=float)
        names = set()
        for algorithm in yaml.safe_load((FOLDER / "shoal" / "config.yml").read_text())["float"]["any"]:
            names.add(algorithm["name"])
            make = getattr(importlib.import_module(algorithm["module"] + ".module"), algorithm["constructor"])
            group = algorithm["run_groups"]["M-16"]
            for metric in ("euclidean", "angular"):
                arguments = [metric if each == "@metric" else each for each in algorithm["base_args"]]
                made = make(*arguments, *group["arg_groups"])
                self.assertEqual(made.get_memory_usage(), 0)
                made.fit(base)
                largest = max(itertools.product(*group["query_args"]))
                made.set_query_arguments(*largest)
                self.assertIn(f"ef={largest[0]}", str(made))
                self.assertEqual(made.name, str(made))
                made.batch_query(queries, 10)
                results = made.get_batch_results()
                for query, in_batch in zip(queries, results):
                    found = made.query(query, 10)
                    made.prepare_query(query, 10)
                    made.run_prepared_query()
                    numpy.testing.assert_array_equal(made.get_prepared_query_results(), found)
                    numpy.testing.assert_array_equal(in_batch, found)
                    exact = nearest(base, query, 10, {"euclidean": "l2", "angular": "cosine"}[metric])
                    self.assertGreaterEqual(len(numpy.intersect1d(found, exact)), 8)
                self.assertEqual(len(made.query(queries[0], 600)), 500)
                self.assertGreater(made.get_additional()["index_bytes"], 500 * 16)
                made.done()
        self.assertEqual(names, {"shoal-float32", "shoal-sq8", "shoal-refined-sq8"})
        page = (FOLDER.parents[1] / "docs" / "python.md").read_text(encoding="utf-8")
        run_by_the_page = re.findall(r"run\.py --algorithm (\S+)", page)
        self.assertTrue(run_by_the_page)
        self.assertLessEqual(set(run_by_the_page), names)

    def test_a_metric_it_does_not_have_is_refused(self):
        module = importlib.import_module("ann_benchmarks.algorithms.shoal.module")
        with self.assertRaisesRegex(ValueError, "expected one of the metrics .*got 'hamming'"):
            module.Shoal("hamming", "float32", {"M": 16, "efConstruction": 200})


@unittest.skipIf(h5py is None, "needs h5py")
class TestFiles(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.base, self.queries = vectors(300, dim=8), vectors(12, dim=8, seed=2)

    def write_vecs(self, path, rows, length="<i4"):
        component = "<f4" if path.suffix == ".fvecs" else "u1"
        row = numpy.dtype([("length", length), ("values", component, (rows.shape[1],))])
        lines = numpy.empty(len(rows), row)
        lines["length"], lines["values"] = rows.shape[1], rows
        lines.tofile(path)

    def convert(self, *arguments):
        out = self.folder / "out.hdf5"
        command = [sys.executable, FOLDER / "to_hdf5.py", self.folder / arguments[0], out, *arguments[1:]]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            self.assertFalse(out.exists())
            return done.stderr
        with h5py.File(out, "r") as file:
            return {name: file[name][:] for name in file}, dict(file.attrs)

    def test_a_folder_of_fvecs_becomes_train_test_and_exact_neighbours(self):
        self.write_vecs(self.folder / "base.fvecs", self.base)
        self.write_vecs(self.folder / "query.fvecs", self.queries)
        for distance, metric in (("euclidean", "l2"), ("angular", "cosine")):
            data, attributes = self.convert(".", "--distance", distance, "--count", "20")
            self.assertEqual((attributes["distance"], attributes["dimension"]), (distance, 8))
            self.assertEqual((attributes["type"], attributes["point_type"]), ("dense", "float"))
            numpy.testing.assert_array_equal(data["train"], self.base)
            numpy.testing.assert_array_equal(data["test"], self.queries)
            for query, rows, distances in zip(self.queries, data["neighbors"], data["distances"]):
                numpy.testing.assert_array_equal(rows, nearest(self.base, query, 20, metric))
                near = self.base[rows[0]].astype(float)
                if distance == "euclidean":
                    expected = numpy.linalg.norm(near - query)
                else:
                    expected = 1 - near @ query / numpy.linalg.norm(near) / numpy.linalg.norm(query)
                self.assertAlmostEqual(distances[0], expected, places=5)
                self.assertTrue((numpy.diff(distances) >= 0).all())

    def test_every_format_gives_the_same(self):
        small = numpy.abs(self.base * 40).astype(numpy.uint8)
        queries = numpy.abs(self.queries * 40).astype(numpy.uint8)
        numpy.save(self.folder / "queries.npy", queries)
        numpy.save(self.folder / "set.npy", small)
        self.write_vecs(self.folder / "set.bvecs", small)
        self.write_vecs(self.folder / "set.fvecs", small)
        with h5py.File(self.folder / "set.hdf5", "w") as file:
            file["train"] = small
        results = [
            self.convert("set" + suffix, "--queries", self.folder / "queries.npy")[0]
            for suffix in (".npy", ".bvecs", ".fvecs", ".hdf5")
        ]
        for data in results:
            numpy.testing.assert_array_equal(data["train"], small)
            numpy.testing.assert_array_equal(data["neighbors"], results[0]["neighbors"])

    def test_without_queries_rows_are_held_out(self):
        numpy.save(self.folder / "set.npy", self.base)
        data, _ = self.convert("set.npy")
        self.assertEqual((len(data["train"]), len(data["test"])), (273, 27))
        together = numpy.concatenate([data["train"], data["test"]])
        numpy.testing.assert_array_equal(numpy.sort(together, axis=0), numpy.sort(self.base, axis=0))

    def test_files_that_are_no_vectors_are_refused_and_named(self):
        self.write_vecs(self.folder / "short.fvecs", self.base)
        with open(self.folder / "short.fvecs", "ab") as file:
            file.write(b"more")
        numpy.save(self.folder / "nan.npy", numpy.full((20, 3), numpy.nan))
        (self.folder / "text.csv").write_text("1,2,3")
        (self.folder / "empty.fvecs").write_bytes(b"")
        for name, message in (
            ("short.fvecs", "short.fvecs: expected rows of 36 bytes, got 10804 bytes"),
            ("nan.npy", "nan.npy: expected finite components"),
            ("text.csv", "text.csv: expected a file of .fvecs"),
            ("empty.fvecs", "empty.fvecs: expected the length of the first row, got an empty file"),
        ):
            self.assertIn(message, self.convert(name))


if __name__ == "__main__":
    unittest.main()
