"""batch_insert: what goes in, what is said of what does not, and that Python code may raise at any point of it."""

import pickle
import signal
import threading
import unittest

import numpy
import shoal
from support import DIM, vectors


class BoomError(Exception):
    pass


def failing_after(items, count, exception):
    for i, item in enumerate(items):
        if i == count:
            raise exception
        yield item


class TestBatches(unittest.TestCase):
    def setUp(self):
        self.index = shoal.Index("l2", DIM)
        self.rows = vectors(300)
        self.ids = numpy.arange(1000, 1300)

    def assert_holds_exactly(self, count):
        """The first `count` rows, each of them found, and nothing after them."""
        self.assertEqual(len(self.index), count)
        for id, row in zip(self.ids[:count], self.rows[:count]):
            self.assertEqual(self.index.search(row, k=1)[0][0], id)
        self.assertFalse(any(id in self.index for id in self.ids[count:]))
        self.assertTrue(self.index.check().ok)

    def test_a_matrix_goes_in_and_its_ids_come_back_in_order(self):
        inserted = self.index.batch_insert(self.ids, self.rows)
        self.assertEqual(inserted.dtype, numpy.uint64)
        numpy.testing.assert_array_equal(inserted, self.ids)
        self.assert_holds_exactly(300)

    def test_a_generator_streams_through_to_the_same_index(self):
        inserted = self.index.batch_insert((int(id), row) for id, row in zip(self.ids, self.rows))
        numpy.testing.assert_array_equal(inserted, self.ids)
        matrix = shoal.Index("l2", DIM)
        matrix.batch_insert(self.ids, self.rows)
        for query in vectors(20, seed=2):
            numpy.testing.assert_array_equal(self.index.search(query)[0], matrix.search(query)[0])

    def test_a_generator_may_yield_the_same_array_again_and_again(self):
        row = numpy.empty(DIM, numpy.float32)

        def one_buffer():
            for id, values in zip(self.ids, self.rows):
                row[:] = values
                yield id, row

        self.index.batch_insert(one_buffer())
        self.assert_holds_exactly(300)

    def test_items_may_be_lists_and_numbers_of_any_type(self):
        self.index.batch_insert([[7, [1] * DIM], (8, numpy.full(DIM, 2.5)), (numpy.uint8(9), range(DIM))])
        numpy.testing.assert_array_equal(self.index.get(8), [2.5] * DIM)
        numpy.testing.assert_array_equal(self.index.get(9), range(DIM))

    def test_an_exception_in_the_middle_of_a_generator_keeps_the_ids(self):
        for threads in (1, 2):
            self.setUp()
            boom = BoomError("no more vectors")
            with self.assertRaises(shoal.BatchError) as caught:
                self.index.batch_insert(failing_after(zip(self.ids, self.rows), 123, boom), threads=threads)
            error = caught.exception
            self.assertIs(error.__cause__, boom)
            numpy.testing.assert_array_equal(error.successful_ids, self.ids[:123])
            self.assertEqual((error.successful_count, error.completed_count, error.failed_index), (123, 123, 123))
            self.assertEqual(error.code, shoal.ErrorCode.source_failed)
            self.assertFalse(error.item_is_bad)
            self.assertEqual(
                str(error), "batch insert failed after 123 vectors: the source threw: BoomError: no more vectors"
            )
            self.assert_holds_exactly(123)

    def test_an_exception_in_a_callback_keeps_the_item_it_was_called_for(self):
        boom = BoomError()

        def progress(completed, total):
            if completed == 57:
                raise boom

        with self.assertRaises(shoal.BatchError) as caught:
            self.index.batch_insert(self.ids, self.rows, progress=progress)
        self.assertIs(caught.exception.__cause__, boom)
        self.assertEqual(caught.exception.code, shoal.ErrorCode.callback_failed)
        self.assertEqual(caught.exception.successful_count, 57)
        self.assertIsNone(caught.exception.failed_index)
        self.assert_holds_exactly(57)

    def test_a_callback_is_called_for_each_item_in_order_and_may_search(self):
        calls = []

        def progress(completed, total):
            calls.append((completed, total))
            self.assertEqual(self.index.search(self.rows[completed - 1], k=1)[0][0], self.ids[completed - 1])

        self.index.batch_insert(self.ids, self.rows, progress=progress)
        self.assertEqual(calls, [(i, 300) for i in range(1, 301)])

    def test_a_callback_that_returns_false_ends_the_batch_there(self):
        with self.assertRaises(shoal.BatchError) as caught:
            self.index.batch_insert(self.ids, self.rows, progress=lambda completed, total: completed < 30)
        self.assertEqual(caught.exception.code, shoal.ErrorCode.cancelled)
        self.assertIsNone(caught.exception.__cause__)
        self.assert_holds_exactly(30)

    def test_only_false_of_pythons_or_numpys_ends_a_batch(self):
        for answer in (False, numpy.bool_(False), numpy.False_):
            self.setUp()
            with self.assertRaises(shoal.BatchError) as caught:
                self.index.batch_insert(self.ids, self.rows, progress=lambda completed, total: answer)
            self.assertEqual((caught.exception.code, len(self.index)), (shoal.ErrorCode.cancelled, 1))
        for answer in (None, True, numpy.bool_(True), 0, 0.0, "", [], numpy.int64(0), numpy.zeros(3)):
            self.setUp()
            self.index.batch_insert(self.ids[:3], self.rows[:3], progress=lambda completed, total: answer)
            self.assertEqual(len(self.index), 3)

    def test_a_cancelled_generator_goes_on_where_the_batch_ended(self):
        items = zip(self.ids, self.rows)
        with self.assertRaises(shoal.BatchError) as caught:
            self.index.batch_insert(items, progress=lambda completed, total: completed < 30)
        self.assertEqual(caught.exception.completed_count, 30)
        numpy.testing.assert_array_equal(self.index.batch_insert(items), self.ids[30:])
        self.assert_holds_exactly(300)

    def test_a_bad_row_is_named_and_the_rows_before_it_are_in(self):
        self.rows[200, 5] = numpy.nan
        with self.assertRaises(shoal.BatchError) as caught:
            self.index.batch_insert(self.ids, self.rows)
        error = caught.exception
        self.assertEqual((error.failed_index, error.failed_id), (200, 1200))
        self.assertEqual(error.code, shoal.ErrorCode.not_finite)
        self.assertEqual(error.cause.code, shoal.ErrorCode.not_finite)
        self.assertIn("component 5 is NaN", str(error.cause))
        self.assertTrue(error.item_is_bad)
        self.assert_holds_exactly(200)

    def test_an_id_below_zero_is_named_and_the_rows_before_it_are_in(self):
        self.ids[10] = -4
        for items in ((self.ids, self.rows), (zip(self.ids, self.rows),)):
            self.index = shoal.Index("l2", DIM)
            with self.assertRaises(shoal.BatchError) as caught:
                self.index.batch_insert(*items)
            self.assertEqual(caught.exception.code, shoal.ErrorCode.id_out_of_range)
            self.assertEqual(caught.exception.failed_index, 10)
            self.assertIsNone(caught.exception.failed_id)
            self.assertTrue(caught.exception.item_is_bad)
            self.assertEqual(len(self.index), 10)

    def test_all_or_nothing_takes_everything_back(self):
        self.rows[299, 0] = numpy.inf
        with self.assertRaises(shoal.BatchError) as caught:
            self.index.batch_insert(self.ids, self.rows, atomicity="all_or_nothing")
        self.assertEqual(caught.exception.successful_count, 0)
        self.assertEqual(caught.exception.failed_index, 299)
        self.assertEqual(len(self.index), 0)

    def test_duplicates_fail_are_skipped_or_overwrite(self):
        self.index.insert(1005, self.rows[0])
        with self.assertRaises(shoal.BatchError) as caught:
            self.index.batch_insert(self.ids, self.rows)
        self.assertEqual((caught.exception.code, caught.exception.failed_id), (shoal.ErrorCode.duplicate_id, 1005))
        inserted = self.index.batch_insert(self.ids, self.rows, on_duplicate="skip")
        numpy.testing.assert_array_equal(inserted, self.ids[6:])
        numpy.testing.assert_array_equal(self.index.get(1005), self.rows[0])
        self.index.batch_insert(self.ids, self.rows, on_duplicate="overwrite")
        self.assert_holds_exactly(300)

    def test_a_change_from_inside_a_callback_is_refused(self):
        codes = []

        def progress(completed, total):
            try:
                self.index.insert(5, self.rows[0])
            except shoal.Error as error:
                codes.append(error.code)

        self.index.batch_insert(self.ids[:3], self.rows[:3], progress=progress)
        self.assertEqual(codes, [shoal.ErrorCode.reentrant_mutation] * 3)
        self.assertEqual(len(self.index), 3)

    def assert_blames_nobody(self, error, name):
        self.assertEqual((error.code, error.cause.code), (shoal.ErrorCode.cancelled, shoal.ErrorCode.cancelled))
        self.assertEqual((error.failed_index, error.failed_id, error.item_is_bad), (None, None, False))
        self.assertTrue(str(error).endswith(f" vectors: cancelled: {name}"), str(error))

    def interrupted_batch(
        self, make_arguments, number=signal.SIGINT, raising=signal.default_int_handler, raised=KeyboardInterrupt, **options
    ):
        """A signal, Ctrl-C's, comes as soon as something is in; the batch would go on for long. Returns index and error."""
        index, rows = shoal.Index("l2", 64), vectors(60_000, dim=64)

        is_over = threading.Event()

        def interrupt():
            while len(index) == 0 and not is_over.is_set():
                pass
            if not is_over.is_set():
                signal.raise_signal(number)

        handler = signal.signal(number, raising)
        thread = threading.Thread(target=interrupt)
        try:
            with self.assertRaises((KeyboardInterrupt, shoal.BatchError)) as caught:
                thread.start()
                index.batch_insert(*make_arguments(rows), **options)
        finally:
            is_over.set()
            thread.join()
            signal.signal(number, handler)
        error = caught.exception
        self.assertIsInstance(error, shoal.BatchError)
        self.assertEqual(isinstance(error, shoal.BatchInterrupted), raised is KeyboardInterrupt)
        self.assertIsInstance(error.__cause__, raised)
        self.assert_blames_nobody(error, raised.__name__)
        self.assertLess(len(index), len(rows))
        self.assertTrue(index.check().ok)
        return index, error

    def test_ctrl_c_ends_a_batch_with_the_ids_kept(self):
        """Neither source runs code of Python's, which would look for signals."""
        for arguments in (lambda rows: (range(len(rows)), rows), lambda rows: (zip(range(len(rows)), rows),)):
            index, error = self.interrupted_batch(arguments)
            numpy.testing.assert_array_equal(error.successful_ids, range(len(index)))
            self.assertGreater(len(index), 0)

    def test_ctrl_c_takes_an_all_or_nothing_batch_back_while_it_is_linked(self):
        index, error = self.interrupted_batch(lambda rows: (range(len(rows)), rows), atomicity="all_or_nothing")
        self.assertEqual((len(index), error.successful_count), (0, 0))

    def test_ctrl_c_inside_a_generator_or_a_callback_blames_no_item(self):
        handler = signal.signal(signal.SIGINT, signal.default_int_handler)
        self.addCleanup(signal.signal, signal.SIGINT, handler)

        def interrupted():
            yield from zip(self.ids[:5], self.rows)
            signal.raise_signal(signal.SIGINT)
            yield 7, self.rows[7]

        def interrupt(completed, total):
            if completed == 5:
                signal.raise_signal(signal.SIGINT)

        for arguments in ((interrupted(),), (self.ids, self.rows, interrupt)):
            self.index = shoal.Index("l2", DIM)
            with self.assertRaises(shoal.BatchInterrupted) as caught:
                self.index.batch_insert(*arguments[:2], progress=arguments[2] if arguments[2:] else None)
            self.assert_blames_nobody(caught.exception, "KeyboardInterrupt")
            self.assertEqual(caught.exception.completed_count, 5)
            self.assert_holds_exactly(5)

    def test_what_the_handler_of_another_signal_raises_blames_no_item_either(self):
        def overdue(number, frame):
            raise TimeoutError

        for arguments in (lambda rows: (range(len(rows)), rows), lambda rows: (zip(range(len(rows)), rows),)):
            index, error = self.interrupted_batch(arguments, signal.SIGTERM, overdue, TimeoutError)
            self.assertEqual(error.completed_count, len(index))

    def test_errors_can_be_pickled(self):
        self.rows[3] = numpy.nan
        with self.assertRaises(shoal.BatchError) as caught:
            self.index.batch_insert(self.ids, self.rows)
        copy = pickle.loads(pickle.dumps(caught.exception))
        self.assertEqual((str(copy), copy.code, copy.failed_id), (str(caught.exception), copy.cause.code, 1003))
        numpy.testing.assert_array_equal(copy.successful_ids, self.ids[:3])

    def test_other_threads_of_python_run_during_a_batch(self):
        """A search on another thread returns while a callback holds the batch up, so nobody keeps the lock."""
        self.index.batch_insert(self.ids[:100], self.rows[:100])
        searched = threading.Event()

        def search():
            self.index.search(self.rows[0])
            searched.set()

        def progress(completed, total):
            if completed == 1:
                threading.Thread(target=search).start()
            return searched.wait(timeout=60)

        self.index.batch_insert(self.ids[100:], self.rows[100:], progress=progress)
        self.assertEqual(len(self.index), 300)


if __name__ == "__main__":
    unittest.main()
