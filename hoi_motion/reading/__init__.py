"""Files from anyone: read as data within limits, and whatever is wrong with one is said as one line that names it."""
