"""Untrusted files: read as data, within limits; whatever is wrong with one is reported in one line that names it."""
