"""Everything of an index but the batch: searching, looking up, taking out, files, threads."""

import copy
import inspect
import pathlib
import pickle
import re
import tempfile
import threading
import unittest

import numpy
import shoal
from support import DIM, distances_to, nearest, vectors

METRICS = ("l2", "ip", "cosine")
STORAGES = ("float32", "sq8", "refined_sq8")


def filled(metric="l2", storage="float32", count=400, **config):
    index = shoal.Index(metric, DIM, storage, **config)
    index.batch_insert(numpy.arange(count), vectors(count))
    return index


class TestSearching(unittest.TestCase):
    def test_every_metric_and_storage_finds_what_exact_search_finds(self):
        base, queries = vectors(400), vectors(30, seed=2)
        for metric in METRICS:
            for storage in STORAGES:
                with self.subTest(f"{metric} {storage}"):
                    index = filled(metric, storage)
                    self.assertEqual((index.metric, index.storage, index.dim), (metric, storage, DIM))
                    found = 0
                    for query in queries:
                        ids, distances = index.search(query, k=10, ef=400)
                        self.assertEqual((ids.dtype, distances.dtype), (numpy.uint64, numpy.float32))
                        self.assertTrue((numpy.diff(distances) >= 0).all())
                        found += len(numpy.intersect1d(ids, nearest(base, query, 10, metric)))
                        exact = distances_to(base, query, metric)[ids.astype(int)]
                        # A byte a component: errors of 1/254 of the largest, and their products.
                        bound = 1e-4 if storage != "sq8" else 0.05
                        numpy.testing.assert_allclose(distances, exact, rtol=bound, atol=bound)
                    self.assertGreaterEqual(found / 300, 0.9 if storage == "sq8" else 0.99)

    def test_batch_search_gives_rows_of_what_search_gives_on_any_number_of_threads(self):
        index, queries = filled(), vectors(50, seed=3)
        for threads in (1, 2, 0):
            ids, distances = index.batch_search(queries, k=7, ef=80, threads=threads)
            for i, query in enumerate(queries):
                expected = index.search(query, k=7, ef=80)
                numpy.testing.assert_array_equal(ids[i], expected[0])
                numpy.testing.assert_array_equal(distances[i], expected[1])

    def test_fewer_than_k_are_a_shorter_array_or_a_row_that_ends_at_infinity(self):
        index = filled(count=3)
        ids, distances = index.search(vectors(1)[0], k=10)
        self.assertEqual((ids.shape, distances.shape), ((3,), (3,)))
        ids, distances = index.batch_search(vectors(2), k=5)
        self.assertEqual(ids.shape, (2, 5))
        self.assertTrue((ids[:, 3:] == shoal.NO_ID).all())
        self.assertTrue(numpy.isinf(distances[:, 3:]).all() and numpy.isfinite(distances[:, :3]).all())

    def test_filters_and_lists_choose_what_is_returned(self):
        index, base, query = filled(), vectors(400), vectors(1, seed=4)[0]
        even = nearest(base[::2], query, 5) * 2
        numpy.testing.assert_array_equal(index.search(query, k=5, filter=lambda id: id % 2 == 0)[0], even)
        numpy.testing.assert_array_equal(index.search(query, k=5, among=numpy.arange(0, 400, 2))[0], even)
        for threads in (1, 2):
            ids, _ = index.batch_search(query[None], k=5, filter=lambda id: id % 2 == 0, threads=threads)
            numpy.testing.assert_array_equal(ids[0], even)
        numpy.testing.assert_array_equal(numpy.sort(index.search(query, among=[3, -1, 5, 4000])[0]), [3, 5])

    def test_what_a_filter_raises_comes_through_as_it_is(self):
        index, queries = filled(), vectors(20, seed=5)
        boom = ValueError("not this one")

        def raising(id):
            raise boom

        for search in (
            lambda: index.search(queries[0], filter=raising),
            lambda: index.batch_search(queries, filter=raising, threads=2),
            lambda: index.search_within(queries[0], 1.0, filter=raising),
        ):
            with self.assertRaises(ValueError) as caught:
                search()
            self.assertIs(caught.exception, boom)

    def test_search_within_finds_all_within_the_radius(self):
        index, base, query = filled(), vectors(400), vectors(1, seed=6)[0]
        exact = numpy.sort(distances_to(base, query, "l2"))
        radius = float((exact[20] + exact[21]) / 2)
        ids, distances = index.search_within(query, radius)
        numpy.testing.assert_array_equal(numpy.sort(ids), numpy.sort(nearest(base, query, 21)))
        numpy.testing.assert_array_equal(index.search_within(query, radius, most=4)[0], ids[:4])
        with self.assertRaises(shoal.Error) as caught:
            index.search_within(query, numpy.nan)
        self.assertEqual(caught.exception.code, shoal.ErrorCode.not_finite)

    def test_a_bad_query_is_an_error_with_its_code(self):
        index = filled("cosine")
        for query, code in (
            ([numpy.nan] * DIM, shoal.ErrorCode.not_finite),
            ([0] * DIM, shoal.ErrorCode.zero_vector),
            ([1e30] * DIM, shoal.ErrorCode.norm_too_large),
        ):
            with self.assertRaises(shoal.Error) as caught:
                index.search(query)
            self.assertEqual(caught.exception.code, code)


class TestChanging(unittest.TestCase):
    def test_entries_are_inserted_replaced_and_erased(self):
        index, base = filled(), vectors(400)
        index.insert(1_000, base[0] + 0.01)
        with self.assertRaises(shoal.Error) as caught:
            index.insert(1_000, base[0])
        self.assertEqual(caught.exception.code, shoal.ErrorCode.duplicate_id)
        index.upsert(1_000, base[1])
        numpy.testing.assert_array_equal(index.get(1_000), base[1])
        index.erase(1_000)
        self.assertNotIn(1_000, index)
        self.assertIsNone(index.get(1_000))
        for id in (1_000, -1, 2**70):
            self.assertNotIn(id, index)
            with self.assertRaises(shoal.Error) as caught:
                index.erase(id)
            self.assertEqual(caught.exception.code, shoal.ErrorCode.id_not_found)
        with self.assertRaises(shoal.Error) as caught:
            index.insert(-1, base[0])
        self.assertEqual(caught.exception.code, shoal.ErrorCode.id_out_of_range)

    def test_many_are_erased_at_once_with_a_report_and_compact_gives_memory_back(self):
        index = filled(count=2_000)
        report = index.batch_erase(list(range(100, 2_000)) + [100, 5_000], threads=2)
        numpy.testing.assert_array_equal(report.erased, range(100, 2_000))
        numpy.testing.assert_array_equal(report.absent, [5_000])
        numpy.testing.assert_array_equal(report.repeated, [100])
        self.assertEqual((len(index), index.stats().live), (100, 100))
        self.assertGreater(index.stats().reclaimable_bytes, 0)
        before = index.memory_usage().total
        index.compact()
        self.assertLess(index.memory_usage().total, before / 2)
        self.assertTrue(index.check().ok)
        with self.assertRaises(shoal.Error) as caught:
            index.batch_erase([3, -3])
        self.assertEqual(caught.exception.code, shoal.ErrorCode.id_out_of_range)
        self.assertIn("item 1", str(caught.exception))
        self.assertIn(3, index)

    def test_capacity_is_refused_beyond_max_elements(self):
        index = shoal.Index("l2", DIM, max_elements=10)
        with self.assertRaises(shoal.BatchError) as caught:
            index.batch_insert(range(11), vectors(11))
        self.assertEqual(caught.exception.code, shoal.ErrorCode.capacity_exceeded)
        self.assertEqual(len(index), 10)
        with self.assertRaises(shoal.Error):
            index.reserve(11)

    def test_memory_is_counted_and_estimated_by_component(self):
        index = shoal.Index("l2", DIM)
        estimate = index.estimate_memory(2_000)
        index.batch_insert(range(2_000), vectors(2_000))
        usage = index.memory_usage()
        self.assertGreaterEqual(usage.vectors, 2_000 * DIM * 4)
        self.assertEqual(usage.total, usage.vectors + usage.links + usage.upper_links + usage.ids + usage.scratch)
        # Levels are random, and chunks are whole.
        self.assertLess(abs(estimate.total - (usage.total - usage.scratch)), usage.total / 20)

    def test_ids_are_those_of_all_entries_in_memory_and_in_a_file(self):
        index = filled(count=50)
        index.batch_erase(range(0, 50, 2))
        index.insert(2**64 - 1, vectors(1)[0])
        self.assertEqual(index.ids().dtype, numpy.uint64)
        self.assertEqual(sorted(index.ids().tolist()), [*range(1, 50, 2), 2**64 - 1])
        self.assertEqual(shoal.Index("l2", DIM).ids().shape, (0,))
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "index.shoal"
            index.save(path)
            numpy.testing.assert_array_equal(shoal.Index.load(path).ids(), shoal.Index.open(path).ids())
            self.assertEqual(sorted(shoal.Index.open(path).ids()), sorted(index.ids()))

    def test_a_clone_shares_nothing(self):
        index = filled()
        copy = index.clone()
        copy.erase(7)
        self.assertIn(7, index)
        self.assertNotIn(7, copy)

    def test_a_bad_configuration_is_an_error_that_says_what_was_expected(self):
        for arguments, message in (
            (("l1", 4), "expected the metric 'l2', 'ip' or 'cosine'"),
            (("l2", 4, "int8"), "got 'l2' and 'int8'"),
            (("l2", 0), "dimensions must be 1 to 65536, got 0"),
        ):
            with self.assertRaises(shoal.Error) as caught:
                shoal.Index(*arguments)
            self.assertEqual(caught.exception.code, shoal.ErrorCode.invalid_config)
            self.assertIn(message, str(caught.exception))
        with self.assertRaises(ValueError) as caught:
            filled().batch_insert([1], vectors(1), on_duplicate="replace")
        self.assertEqual(
            str(caught.exception), "on_duplicate: expected one of 'fail', 'skip', 'overwrite', got 'replace'"
        )


class TestFiles(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name) / "index.shoal"

    def test_every_kind_is_saved_loaded_and_opened_and_finds_the_same(self):
        queries = vectors(20, seed=7)
        for metric in METRICS:
            for storage in STORAGES:
                index = filled(metric, storage, M=8, ef_construction=50)
                index.save(self.path)
                expected = index.batch_search(queries)
                loaded = shoal.Index.load(str(self.path))
                opened = shoal.Index.open(self.path, verify=True)
                self.assertIsInstance(loaded, shoal.Index)
                self.assertNotIsInstance(opened, shoal.Index)
                for other in (loaded, opened):
                    self.assertEqual((other.metric, other.storage, other.M, len(other)), (metric, storage, 8, 400))
                    numpy.testing.assert_array_equal(other.batch_search(queries)[0], expected[0])
                self.assertGreater(opened.memory_usage().mapped, 400 * DIM)
                loaded.insert(999, queries[0])

    def test_files_that_are_missing_or_damaged_are_errors(self):
        with self.assertRaises(shoal.Error) as caught:
            shoal.Index.load(self.path)
        self.assertEqual(caught.exception.code, shoal.ErrorCode.cannot_open)
        filled().save(self.path)
        damaged = bytearray(self.path.read_bytes())
        damaged[len(damaged) // 2] ^= 1
        self.path.write_bytes(damaged)
        for read in (shoal.Index.load, lambda path: shoal.Index.open(path, verify=True)):
            with self.assertRaises(shoal.Error) as caught:
                read(self.path)
            self.assertEqual(caught.exception.code, shoal.ErrorCode.corrupt)


class TestThreads(unittest.TestCase):
    def test_threads_search_with_filters_while_others_insert_and_erase(self):
        """Python code runs inside each of them, so a lock kept too long would stop them all."""
        index, base = filled(), vectors(400)
        failures, done = [], threading.Event()

        def search():
            while not done.is_set():
                ids, _ = index.search(base[0], k=1, filter=lambda id: id < 400)
                if list(ids) != [0] or 0 not in index or len(index.get(0)) != DIM:
                    failures.append(ids)

        def insert(first):
            rows = vectors(300, seed=first)
            index.batch_insert(range(first, first + 300), rows, progress=lambda completed, total: None)
            index.batch_insert(((id + 300, row) for id, row in zip(range(first, first + 300), rows)), threads=2)
            index.batch_erase(range(first, first + 500))
            index.compact()

        searchers = [threading.Thread(target=search) for _ in range(2)]
        writers = [threading.Thread(target=insert, args=(first,)) for first in (1_000, 2_000)]
        for thread in searchers + writers:
            thread.start()
        for thread in writers:
            thread.join()
        done.set()
        for thread in searchers:
            thread.join()
        self.assertEqual(failures, [])
        self.assertEqual(len(index), 600)
        self.assertTrue(index.check().ok)


class TestPackage(unittest.TestCase):
    def test_everything_public_has_a_docstring(self):
        for name in shoal.__all__:
            value = getattr(shoal, name)
            if inspect.isclass(value):
                self.assertTrue(value.__doc__, name)
        for type in (shoal.Index, shoal.ReadableIndex):
            for name, member in vars(type).items():
                if not name.startswith("_") and callable(member):
                    self.assertGreater(len(member.__doc__.splitlines()), 2, name)

    def test_the_stubs_name_everything_there_is_and_nothing_else(self):
        stubs = (pathlib.Path(shoal.__file__).parent / "__init__.pyi").read_text()
        for type in (shoal.Index, shoal.ReadableIndex, shoal.MemoryUsage, shoal.IndexStats, shoal.CheckReport):
            body = re.search(rf"^class {type.__name__}\b.*?(?=^\S|\Z)", stubs, re.MULTILINE | re.DOTALL)[0]
            for name in vars(type):
                if not name.startswith("_"):
                    self.assertRegex(body, rf"\b{name}\b", f"{type.__name__}.{name}")
            for line in body.splitlines():
                if line.startswith("    def ") and not line.startswith("    def __"):
                    self.assertTrue(hasattr(type, line.split("(")[0].split()[1]), line)

    def test_an_object_whose_init_was_not_called_is_a_type_error(self):
        class Forgetful(shoal.Index):
            def __init__(self):
                self.count = len(self)

        for type in (shoal.Index, shoal.ReadableIndex):
            made = type.__new__(type)
            for use in (len, repr, lambda index: 7 in index, lambda index: index.search([0] * DIM), type.stats,
                        lambda index: index.dim, lambda index: shoal.ReadableIndex.ids(index)):
                with self.assertRaisesRegex(TypeError, f"{type.__name__} whose __init__ was not called"):
                    use(made)
        for use in (shoal.Index.compact, shoal.Index.clone, lambda index: index.batch_insert([1], vectors(1)),
                    lambda index: index.batch_insert([(1, vectors(1)[0])])):
            with self.assertRaisesRegex(TypeError, "Index whose __init__ was not called"):
                use(shoal.Index.__new__(shoal.Index))
        for type in (shoal.MemoryUsage, shoal.LevelStats, shoal.IndexStats, shoal.CheckReport, shoal.EraseReport):
            for name, member in vars(type).items():
                if name == "__repr__" or isinstance(member, property):
                    with self.assertRaisesRegex(TypeError, "__init__ was not called"):
                        getattr(type.__new__(type), name)()
        with self.assertRaisesRegex(TypeError, "Forgetful whose __init__ was not called"):
            Forgetful()

    def test_a_class_may_be_derived_that_makes_its_index_first(self):
        class Named(shoal.Index):
            def __init__(self, name):
                super().__init__("l2", DIM)
                self.name = name

        index = Named("articles")
        index.batch_insert([1], vectors(1))
        self.assertEqual((len(index), index.name), (1, "articles"))

    def test_an_index_is_not_pickled_or_copied_by_copy(self):
        for copy_of in (pickle.dumps, copy.copy, copy.deepcopy):
            with self.assertRaisesRegex(TypeError, "cannot pickle"):
                copy_of(filled(count=2))

    def test_representations_tell_what_it_is(self):
        self.assertEqual(repr(filled(count=12)), "<shoal.Index l2 float32 12 x 16>")
        self.assertTrue(repr(filled().memory_usage()).startswith("MemoryUsage(vectors="))


if __name__ == "__main__":
    unittest.main()
