"""What shoal raises. Made by the extension module; all can be pickled."""

import numpy


class Error(Exception):
    """Something that shoal refused or could not do: `code` to decide by, a message to read."""

    def __init__(self, message, code):
        super().__init__(message, code)
        self.code = code

    def __str__(self):
        return self.args[0]


class BatchError(Error):
    """How a batch ended when it did not end well: what is in, what failed, and why.

    successful_ids    the ids that this batch put into the index, in order (numpy, uint64)
    completed_count   items that are dealt with: in, or passed over by on_duplicate="skip"
    failed_index      position of the item to blame, None when none is
    failed_id         its id, None when it was not read or does not fit
    item_is_bad       the item at failed_index can never go in as it is: go on behind it
    cause             the Error; `code` is its code
    __cause__         what a generator or a callback raised, if it did
    """

    def __init__(self, message, code, cause, successful_ids, completed_count, failed_index, failed_id, item_is_bad):
        super().__init__(message, code)
        self.args = (message, code, cause, successful_ids, completed_count, failed_index, failed_id, item_is_bad)
        self.cause = cause
        self.successful_ids = numpy.asarray(successful_ids)
        self.completed_count = completed_count
        self.failed_index = failed_index
        self.failed_id = failed_id
        self.item_is_bad = item_is_bad

    @property
    def successful_count(self):
        """Length of `successful_ids`."""
        return len(self.successful_ids)


class BatchInterrupted(BatchError, KeyboardInterrupt):
    """A batch that Ctrl-C ended. As a KeyboardInterrupt it ends the program if nobody takes it."""


Error.__module__ = BatchError.__module__ = BatchInterrupted.__module__ = "shoal"
