"""Small line charts and interval bars as inline SVG, styled by the surrounding page."""

import math
from dataclasses import dataclass
from html import escape

import numpy as np

from hoi_motion.frames import runs_of

WIDTH = 720
LEFT = 52
RIGHT = 12
PLOT_HEIGHT = 150
TOP = 10
BOTTOM = 24
ROW_HEIGHT = 22


@dataclass(frozen=True)
class Series:
    """One line: `values` (T,), NaN leaves a gap; `style` is the CSS class that colours it."""

    name: str
    values: np.ndarray  # (T,)
    style: str


@dataclass(frozen=True)
class Interval:
    """One bar from `start_s` to `end_s` in the row `row`."""

    row: str
    start_s: float
    end_s: float
    style: str


def line_chart(series: list[Series], duration_s: float, unit: str) -> str:
    """Lines over time; the value axis starts at 0 or below."""
    finite = np.concatenate([s.values[np.isfinite(s.values)] for s in series] or [np.zeros(0)])
    ticks = nice_ticks(min(0.0, float(finite.min(initial=0.0))), float(finite.max(initial=0.0)))
    low, high = ticks[0], ticks[-1]

    def y(value: float) -> float:
        return TOP + PLOT_HEIGHT * (high - value) / (high - low)

    parts = []
    for tick in ticks:
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(tick):.1f}" y2="{y(tick):.1f}"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y(tick) + 4:.1f}" text-anchor="end">{tick:g} {escape(unit)}</text>')
    for s in series:
        for run in (range(*ends) for ends in runs_of(np.isfinite(s.values))):
            points = " ".join(f"{_x(i, len(s.values)):.1f},{y(s.values[i]):.1f}" for i in run)
            parts.append(f'<polyline class="line {s.style}" points="{points}"/>')
    parts += _time_axis(duration_s, TOP + PLOT_HEIGHT)
    return _svg(parts, TOP + PLOT_HEIGHT + BOTTOM)


def interval_chart(rows: list[str], intervals: list[Interval], duration_s: float) -> str:
    """One row of bars for every name in `rows`."""
    parts = []
    for k, row in enumerate(rows):
        top = TOP + k * ROW_HEIGHT
        parts.append(f'<text x="{LEFT - 8}" y="{top + 14}" text-anchor="end">{escape(row)}</text>')
        parts.append(
            f'<rect class="empty" x="{LEFT}" y="{top + 3}" width="{WIDTH - LEFT - RIGHT}" height="14" rx="3"/>'
        )
        for i in (i for i in intervals if i.row == row):
            start, end = (_x(t / max(duration_s, 1e-9), None) for t in (i.start_s, i.end_s))
            parts.append(
                f'<rect class="bar {i.style}" x="{start:.1f}" y="{top + 3}" width="{max(end - start, 2):.1f}" '
                'height="14" rx="3"/>'
            )
    bottom = TOP + len(rows) * ROW_HEIGHT
    return _svg(parts + _time_axis(duration_s, bottom), bottom + BOTTOM)


def nice_ticks(low: float, high: float, count: int = 4) -> list[float]:
    """Round numbers that enclose low..high, in about `count` steps."""
    if not high > low:
        high = low + 1.0
    raw = (high - low) / count
    magnitude = 10.0 ** math.floor(math.log10(raw))
    step = next(m * magnitude for m in (1, 2, 2.5, 5, 10) if m * magnitude >= raw * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(k * step, 12) for k in range(first, last + 1)]


def _x(value: float, count: int | None) -> float:
    """Pixel of frame `value` of `count`; if count is None, of the fraction `value` of the time."""
    share = value if count is None else value / max(count - 1, 1)
    return LEFT + (WIDTH - LEFT - RIGHT) * min(max(share, 0.0), 1.0)


def _time_axis(duration_s: float, bottom: float) -> list[str]:
    ticks = [t for t in nice_ticks(0.0, duration_s, 6) if t <= duration_s * 1.001]
    return [
        f'<text x="{_x(t / max(duration_s, 1e-9), None):.1f}" y="{bottom + 17}" text-anchor="middle">{t:g} s</text>'
        for t in ticks
    ]


def _svg(parts: list[str], height: float) -> str:
    return f'<svg class="chart" viewBox="0 0 {WIDTH} {height:g}" role="img">{"".join(parts)}</svg>'
