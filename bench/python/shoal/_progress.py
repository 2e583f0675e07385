"""The bar that `progress=True` draws: tqdm's if that is installed, else a line on stderr.

On a terminal the line is drawn anew; elsewhere there is one line, at the end.
"""

import sys
import time


class _Line:
    def __init__(self):
        self._begin = time.monotonic()
        self._is_drawn = sys.stderr.isatty()

    def update(self, completed, total):
        if self._is_drawn:
            print("\r" + self._text(completed, total), end="\x1b[K", file=sys.stderr, flush=True)

    def finish(self, completed, total):
        self.update(completed, total)
        print("" if self._is_drawn else self._text(completed, total), file=sys.stderr, flush=True)

    def _text(self, completed, total):
        rate = completed / max(time.monotonic() - self._begin, 1e-9)
        if total == 0:
            return f"{completed:,} vectors | {rate:,.0f}/s"
        left = (total - completed) / rate if completed else 0
        return f"{100 * completed / total:5.1f}% | {completed:,} of {total:,} | {rate:,.0f}/s | {left:.0f} s left"


class _Tqdm:
    def __init__(self, tqdm):
        self._bar = tqdm.tqdm(unit=" vectors", unit_scale=True)

    def update(self, completed, total):
        self._bar.total = total or None
        self._bar.update(completed - self._bar.n)

    def finish(self, completed, total):
        self.update(completed, total)
        self._bar.close()


def Bar():
    """`update(completed, total)`, total 0 where it is unknown; `finish(completed, total)` at the end."""
    try:
        import tqdm
    except ImportError:
        return _Line()
    return _Tqdm(tqdm)
