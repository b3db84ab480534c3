"""The tavid-* commands."""
