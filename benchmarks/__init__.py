"""Measurements: a command for every number of the README, run from the checkout."""

import training  # noqa: F401  ends with one line where its packages are missing
