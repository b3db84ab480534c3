"""Types of command line arguments that several commands of training take."""

import argparse


def positive(text: str) -> int:
    """Raises: ArgumentTypeError for anything but a whole number from 1 on."""
    if not (text.isascii() and text.isdigit()) or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive whole number")
    return int(text)
