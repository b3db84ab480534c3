"""A progress bar on stderr that is an `OnProgress`."""

import sys


class ProgressBar:
    """Shows a stage, its fraction, elapsed and remaining time; silent without a terminal."""

    def __init__(self):
        from tqdm import tqdm

        form = "{desc:<6}{bar:30} {percentage:3.0f}%  {elapsed}, {remaining} left"
        self._bar = tqdm(total=1.0, bar_format=form, leave=False, disable=not sys.stderr.isatty(), file=sys.stderr)
        self._stage = ""

    def __call__(self, stage: str, fraction: float) -> None:
        if self._bar.disable:
            return
        if stage != self._stage:
            self._stage = stage
            self._bar.reset()
            self._bar.set_description_str(stage, refresh=False)
        self._bar.n = min(max(fraction, 0.0), 1.0)
        self._bar.refresh()

    def __enter__(self) -> "ProgressBar":
        return self

    def __exit__(self, *_) -> None:
        self._bar.close()
