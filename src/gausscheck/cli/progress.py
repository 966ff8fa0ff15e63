"""What a command shows while it works: a bar with rate and time left, or a line a stage in a log.

All of it goes to standard error, and only once a command has taken over a second.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import click

from gausscheck.core import Progress, Source, Stage, printable

if TYPE_CHECKING:
    from rich.console import Console

WAIT = 1.0
"""Seconds before anything is shown."""

_LOOK_BACK = 30.0
"""Seconds that a rate is taken over."""

_QUIET = "gausscheck.quiet"

_WIDTH = 28
"""Characters of a stage's name in the bar."""

_FIRST = "starting"
"""What a bar says before it hears of a stage: a file of text is parsed as it is opened."""

shown = False
"""Whether a bar hides the cursor of the terminal now."""


def _keep_quiet(ctx: click.Context, _: click.Parameter, quiet: bool) -> None:
    ctx.meta[_QUIET] = quiet


QUIET = click.option(
    "--quiet", is_flag=True, expose_value=False, callback=_keep_quiet, help="Show no progress."
)


class Pace:
    """How fast a stage goes, and when it ends.

    A stage goes on under another name while its share grows, as epochs of one training do.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.stage, self.share = "", 0.0
        self._seen = deque([(clock(), 0.0)])

    def __call__(self, stage: str, share: float) -> None:
        """Take note of a stage and the share of it that is done."""
        now, share = self._clock(), min(max(share, 0.0), 1.0)
        another = stage != self.stage and (self.share in (0.0, 1.0) or _kind(stage) != self._kind)
        if another or share < self.share:
            heard = self.share > 0 or not self.stage  # then this stage began when that one ended
            begin = self._seen[-1][0] if heard and share else now
            self._seen = deque([(begin, 0.0 if heard or not share else share)])
        self.stage, self.share = stage, share
        self._seen.append((now, share))
        while len(self._seen) > 2 and now - self._seen[1][0] > _LOOK_BACK:
            self._seen.popleft()

    @property
    def _kind(self) -> tuple[float, str]:
        return _kind(self.stage)

    @property
    def speed(self) -> float | None:
        """Share a second; None where that cannot be told."""
        (begin, low), (end, high) = self._seen[0], self._seen[-1]
        return (high - low) / (end - begin) if end > begin and high > low else None

    @property
    def rate(self) -> str:
        """What is done in a second, in what the stage counts."""
        speed = self.speed
        if speed is None:
            return ""
        total, unit = _kind(self.stage)
        each, span = speed * total, "s"
        if each < 0.5:
            each, span = 60 * each, "min"
        return f"{_short(each)}{unit}/{span}"

    @property
    def left(self) -> str:
        """How long the stage goes on; what it has taken where that cannot be told."""
        speed, (end, _) = self.speed, self._seen[-1]
        if speed is None:
            return f"{_time(self._clock() - self._seen[0][0])} so far"
        return f"{_time(max((1 - self.share) / speed - (self._clock() - end), 0))} left"


def _kind(stage: str) -> tuple[float, str]:
    """Return how many there are, and of what: parts of a hundred where a stage does not say."""
    return (stage.total, f" {stage.unit}") if isinstance(stage, Stage) else (100, "%")


def _short(value: float) -> str:
    """Write a number in three digits.

    Examples
    --------
    >>> _short(1_234_567), _short(45_600), _short(980), _short(3.21)
    ('1.23M', '45.6k', '980', '3.21')
    """
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= 0.9995 * size:
            return f"{value / size:#.3g}".rstrip(".") + letter
    return f"{value:#.3g}".rstrip(".")


def _time(seconds: float) -> str:
    """Write a span of time.

    Examples
    --------
    >>> _time(65.2), _time(3 * 3600 + 62)
    ('1:05', '3:01:02')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class ProgressLine:
    """Shows stages on standard error: as a bar in a terminal, as a line each elsewhere.

    Parameters
    ----------
    console : rich.console.Console, optional
        Where to show them.
    clock : callable
        Seconds from some moment on.
    """

    def __init__(
        self, console: Console | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        context = click.get_current_context(silent=True)
        self._over = context is not None and context.meta.get(_QUIET, False)
        self._console, self._clock, self._start = console, clock, clock()
        self._pace, self._lock = Pace(clock), threading.RLock()
        self._bar: Any = None
        self._task: Any = None
        self._told = ""
        self._timer = threading.Timer(WAIT, self._due)
        self._timer.daemon = True

    def __call__(self, stage: str, share: float) -> None:
        """Show a stage and the share of it that is done."""
        with self._lock:
            self._pace(stage, share)
            self._due(log=True)

    def _due(self, *, log: bool = False) -> None:
        """Show what is under way, if it has taken long enough.

        A log gets its lines as stages are told of: what ends in an error is one line.
        """
        with self._lock:
            late = self._clock() - self._start >= WAIT
            if self._over or not late or not self._pace.stage:
                return
            if self._bar is None and not self._terminal():
                if log and self._pace.stage != self._told:
                    self._told = self._pace.stage
                    click.echo(f"gausscheck: {printable(self._told)}", err=True)
                return
            if self._bar is None:
                self._begin()
            # a bar without a total moves to and fro: nothing is known of the share
            self._bar.tasks[0].total = 1.0 if self._pace.share else None
            self._bar.update(
                self._task, description=_cut(self._pace.stage), completed=self._pace.share
            )

    def _terminal(self) -> bool:
        if self._console is None:
            if not sys.stderr.isatty():
                return False
            from rich.console import Console

            self._console = Console(stderr=True)
        return self._console.is_terminal and not self._console.is_dumb_terminal

    def _begin(self) -> None:
        """Show the bar."""
        global shown
        from rich.progress import BarColumn, ProgressColumn, TextColumn
        from rich.progress import Progress as Bar
        from rich.table import Column
        from rich.text import Text

        pace = self._pace

        class Rate(ProgressColumn):
            """Rate and time left."""

            def render(self, task: Any) -> Text:
                done = f"{pace.share:4.0%}" if pace.share else "    "
                return Text(f"{done} {pace.rate:>18} {pace.left:>13}")

        self._bar = Bar(
            TextColumn("{task.description}", markup=False), BarColumn(bar_width=12),
            Rate(Column(no_wrap=True)),
            console=self._console, transient=True, redirect_stdout=False, refresh_per_second=5,
        )  # fmt: skip
        self._task = self._bar.add_task(_cut(pace.stage), total=None)
        shown = True
        self._bar.start()

    def close(self) -> None:
        """Show nothing from now on; the terminal is as it was."""
        global shown
        self._timer.cancel()
        with self._lock:
            self._over = True
            if self._bar is not None:
                self._bar.stop()
                self._bar, shown = None, False

    def __enter__(self) -> ProgressLine:
        self._pace(_FIRST, 0.0)
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _cut(stage: str) -> str:
    told = printable(stage)
    return f"{told if len(told) <= _WIDTH else told[: _WIDTH - 1] + '…':<{_WIDTH}}"


class _CountedReads:
    def __init__(self, source: Source, stage: Stage, progress: Progress) -> None:
        self._source, self._stage, self._progress = source, stage, progress
        self._done = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)

    def read(self, start: int, stop: int) -> Any:
        rows = self._source.read(start, stop)
        self._done += stop - start
        self._progress(self._stage, min(self._done / max(self._stage.total, 1), 1.0))
        return rows


def counted(source: Source, rows: int, name: str, progress: Progress) -> Source:
    """Return a source that tells how many of some rows were read.

    Parameters
    ----------
    source : Source
    rows : int
        How many will be.
    name : str
        Of the stage.
    progress : callable
    """
    return cast(Source, _CountedReads(source, Stage(name, rows, "rows"), progress))
