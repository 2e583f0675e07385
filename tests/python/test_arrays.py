"""numpy arrays of every type and layout mean their numbers; what has none is refused by one clear error."""

import collections
import tracemalloc
import unittest

import numpy
import shoal
from support import DIM, vectors


class TestArrays(unittest.TestCase):
    def index_of(self, rows, ids=None):
        index = shoal.Index("l2", DIM)
        index.batch_insert(numpy.arange(len(rows)) if ids is None else ids, rows)
        return index

    def test_every_type_and_layout_of_numbers_goes_in_as_its_values(self):
        exact = (vectors(40) * 20).astype(numpy.int8)  # integers that every type here holds
        wide = numpy.zeros((80, 3 * DIM), numpy.float32)
        wide[::2, 1::3] = exact
        layouts = {
            "rows apart": numpy.hstack([exact, exact]).astype(numpy.float32)[:, :DIM],
            "numbers apart": wide[::2, 1::3],
            "by columns": numpy.asfortranarray(exact.astype(numpy.float32)),
            "backwards": exact[::-1].astype(numpy.float32)[::-1],
            "mirrored": exact[:, ::-1].astype(numpy.float64)[:, ::-1],
            "unaligned": numpy.frombuffer(b"x" + exact.astype(numpy.float32).tobytes(), numpy.uint8)[1:]
            .view(numpy.float32)
            .reshape(exact.shape),
            "read-only": exact.astype(numpy.float32),
            "big-endian": exact.astype(">f4"),
            "lists": exact.tolist(),
        }
        layouts["read-only"].setflags(write=False)
        for name in ("f2", "f4", "f8", "g", "i1", "i2", "i4", "i8"):
            layouts[name] = exact.astype(name)
        for name in ("u1", "u2", "u4", "u8"):
            layouts[name] = numpy.abs(exact).astype(name)
        layouts["bool"] = exact > 0
        for name, rows in layouts.items():
            with self.subTest(name):
                index = self.index_of(rows)
                for i, row in enumerate(numpy.asarray(rows).astype(numpy.float32)):
                    numpy.testing.assert_array_equal(index.get(i), row)
                    numpy.testing.assert_array_equal(index.search(rows[i], k=1)[1], [0])
                numpy.testing.assert_array_equal(index.batch_search(rows, k=1)[1], numpy.zeros((len(rows), 1)))

    def test_ids_of_every_integer_type_go_in_as_their_values(self):
        rows = vectors(5)
        for name in ("i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", ">i4"):
            with self.subTest(name):
                self.assertTrue(all(id in self.index_of(rows, numpy.arange(3, 8).astype(name)) for id in range(3, 8)))
        index = self.index_of(rows, numpy.array([2**64 - 1, 2**63, 0, 1, 2], numpy.uint64))
        self.assertIn(2**64 - 1, index)
        self.assertIn(2**63, index)
        index = self.index_of(rows, numpy.arange(10)[::2])
        self.assertIn(8, index)

    def test_sequences_of_pythons_integers_are_ids_on_both_sides_of_2_to_the_63(self):
        rows, ids = vectors(4), [1, 2**64 - 1, 2**63, 2**63 - 1]
        numpys = [numpy.uint64(id) for id in ids]
        for made in (ids, tuple(ids), collections.deque(ids), numpy.array(ids, object), numpys):
            index = self.index_of(rows, made)
            self.assertEqual(sorted(index.ids().tolist()), sorted(ids))
            numpy.testing.assert_array_equal(numpy.sort(index.search(rows[0], among=made)[0]), sorted(ids))
            numpy.testing.assert_array_equal(index.batch_search(rows, k=1, among=made)[0][:, 0], ids)
            numpy.testing.assert_array_equal(index.search_within(rows[1], 0, among=made)[0], ids[1:2])
            numpy.testing.assert_array_equal(index.batch_erase(made).erased, ids)
        self.assertIn(3, self.index_of(rows, range(4)))

    def test_ids_that_do_not_fit_are_named_whatever_holds_them(self):
        rows = vectors(4)
        for made, where, id in (
            ([1, 2**63, -1, 3], 2, -1),
            ([1, 2**64, 2, 3], 1, 2**64),
            ([1, 2, -(2**70), 3], 2, -(2**70)),
            (numpy.array([1, -5, 2, 3], object), 1, -5),
            (numpy.array([1, 2, 3, -1]), 3, -1),
        ):
            with self.subTest(made):
                index = shoal.Index("l2", DIM)
                with self.assertRaises(shoal.BatchError) as caught:
                    index.batch_insert(made, rows)
                error = caught.exception
                self.assertEqual((error.code, error.failed_index), (shoal.ErrorCode.id_out_of_range, where))
                self.assertTrue(error.item_is_bad)
                self.assertTrue(str(error).endswith(f"of 64 unsigned bits, got {id}"), str(error))
                self.assertEqual(len(index), where)
                with self.assertRaisesRegex(shoal.Error, f"^item {where}: .* got {id}$") as caught:
                    index.batch_erase(made)
                self.assertEqual((caught.exception.code, len(index)), (shoal.ErrorCode.id_out_of_range, where))
                # To look for, it is an id that nobody has: not even the entry whose id has the same bits.
                index.upsert(2**64 - 1, rows[3])
                index.upsert(3, rows[0])
                found = index.search(rows[3], among=made)[0].tolist()
                self.assertEqual(sorted(found), sorted({int(each) for each in made if each in index}))

    def test_a_matrix_of_float32_or_float64_is_not_copied(self):
        for dtype in (numpy.float32, numpy.float64):
            rows = vectors(20_000, dim=64, dtype=dtype)
            index = shoal.Index("l2", 64, "sq8")
            index.reserve(len(rows))
            ids = numpy.arange(len(rows))
            tracemalloc.start()
            index.batch_insert(ids[:2_000], rows[:2_000])
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            self.assertLess(peak, 2_000 * 64 * 4 // 4)  # numpy's memory is traced: the ids that came back

    def test_what_has_no_numbers_is_a_type_error_that_says_what_came(self):
        index = shoal.Index("l2", DIM)
        rows = vectors(3)
        cases = {
            "vectors: expected real numbers, got an array of dtype <U": lambda: index.batch_insert(
                [1, 2, 3], rows.astype(str)
            ),
            "vectors: expected real numbers, got an array of dtype complex128": lambda: index.batch_insert(
                [1, 2, 3], rows.astype(complex)
            ),
            "vectors: expected real numbers, got an array of dtype object": lambda: index.batch_insert(
                [1, 2, 3], rows.astype(object)
            ),
            "query: expected real numbers, got an array of dtype <U": lambda: index.search("text"),
            "ids: expected a row of integers, got an array of dtype float64 and shape (3,)": lambda: index.batch_insert(
                numpy.array([1.0, 2, 3]), rows
            ),
            "ids: expected a row of integers, got an array of dtype int64 and shape (1, 3)": lambda: index.batch_insert(
                numpy.array([[1, 2, 3]]), rows
            ),
            "ids: item 1: expected an integer, got 2.5": lambda: index.batch_insert([1, 2.5, 2**64 - 1], rows),
            "ids: item 0: expected an integer, got 1.0": lambda: index.batch_erase((1.0, 2, 3)),
            "ids: item 0: expected an integer, got [1, 2, 3]": lambda: index.batch_insert([[1, 2, 3]], rows),
            "ids: item 2: expected an integer, got '3'": lambda: index.batch_insert([1, 2, "3"], rows),
            "ids: item 2: expected an integer, got array([1, 2])": lambda: index.batch_insert(
                [1, 2, numpy.array([1, 2])], rows
            ),
            "ids: item 1: expected an integer, got None": lambda: index.batch_insert(
                numpy.array([1, None, 3], object), rows
            ),
            "ids: item 0: expected an integer, got True": lambda: index.batch_erase([True, False]),
            "ids: item 0: expected an integer, got False": lambda: index.batch_erase(numpy.array([False, 1], object)),
            "among: item 1: expected an integer, got True": lambda: index.search(rows[0], among=(0, True)),
            "among: item 0: expected an integer, got 0.5": lambda: index.search(rows[0], among=[0.5]),
            "ids: expected a row of integers, got set": lambda: index.batch_erase({1, 2}),
            "ids: expected a row of integers, got int": lambda: index.batch_erase(7),
            "expected ids and a matrix, or an iterable of pairs (id, vector), got int": lambda: index.batch_insert(3),
            "progress: expected None, True or a callable (completed, total), got int": lambda: index.batch_insert(
                [1, 2, 3], rows, progress=7
            ),
            "filter: expected None or a callable that takes an id, got list": lambda: index.search(rows[0], filter=[1]),
        }
        for message, call in cases.items():
            with self.subTest(message):
                with self.assertRaises(TypeError) as caught:
                    call()
                self.assertIn(message, str(caught.exception))
                self.assertEqual(len(index), 0)

    def test_wrong_shapes_and_lengths_are_errors_that_say_what_came(self):
        index = shoal.Index("l2", DIM)
        rows = vectors(3)
        mismatch, lengths = shoal.ErrorCode.dimension_mismatch, shoal.ErrorCode.length_mismatch
        cases = [
            (mismatch, "expected an array of two dimensions, a vector a row, got one of shape (16,)",
             lambda: index.batch_insert([1], rows[0])),
            (mismatch, "expected an array of one dimension, got one of shape (3, 16)", lambda: index.search(rows)),
            (mismatch, "expected 16 components, got 15", lambda: index.batch_insert([1, 2, 3], rows[:, 1:])),
            (mismatch, "expected 16 components, got 17", lambda: index.search([0] * 17)),
            (mismatch, "query 0: expected 16 components, got 4", lambda: index.batch_search(rows[:, :4])),
            (lengths, "expected as many ids as rows, got 2 ids and 3 rows", lambda: index.batch_insert([1, 2], rows)),
            (mismatch, "item 1: expected an array of one dimension, got one of shape (3, 16)",
             lambda: index.batch_insert([(1, rows[0]), (2, rows)])),
        ]
        for code, message, call in cases:
            with self.subTest(message):
                with self.assertRaises(shoal.Error) as caught:
                    call()
                self.assertEqual(caught.exception.code, code)
                self.assertIn(message, str(caught.exception))

    def test_an_item_that_is_no_pair_ends_the_batch_with_a_type_error_as_its_cause(self):
        rows = vectors(3)
        for item in (7, (7,), (7, rows[0], "more"), (7.5, rows[0]), (7, "text")):
            index = shoal.Index("l2", DIM)
            with self.assertRaises(shoal.BatchError) as caught:
                index.batch_insert([(1, rows[0]), item])
            self.assertIsInstance(caught.exception.__cause__, TypeError)
            self.assertEqual((caught.exception.failed_index, len(index)), (1, 1))

    def test_empty_batches_succeed(self):
        index = shoal.Index("l2", DIM)
        self.assertEqual(len(index.batch_insert([], numpy.empty((0, DIM)))), 0)
        self.assertEqual(len(index.batch_insert([])), 0)
        for empty in ([], (), numpy.array([]), numpy.empty(0, numpy.float32)):
            self.assertEqual(len(index.batch_insert([], empty)), 0)
            self.assertEqual(index.batch_search(empty, k=3)[0].shape, (0, 3))
        with self.assertRaises(shoal.BatchError) as caught:
            index.batch_insert([1], [])
        self.assertEqual(caught.exception.code, shoal.ErrorCode.length_mismatch)
        ids, distances = index.batch_search(numpy.empty((0, DIM)), k=3)
        self.assertEqual((ids.shape, distances.shape), ((0, 3), (0, 3)))


if __name__ == "__main__":
    unittest.main()
