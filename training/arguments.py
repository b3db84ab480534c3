"""Types of command line arguments that several commands of training take."""

import argparse
import math
from pathlib import Path

from hoi_motion.errors import InputError
from hoi_motion.files import with_home


def positive(text: str) -> int:
    """Raises: ArgumentTypeError for anything but a whole number from 1 on."""
    if not (text.isascii() and text.isdigit()) or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive whole number")
    return int(text)


def not_negative(text: str) -> int:
    """Raises: ArgumentTypeError for anything but a whole number from 0 on."""
    return 0 if text == "0" else positive(text)


def given_path(text: str) -> Path:
    """A path whose `~` stands for a home folder, which a shell leaves alone behind an equals sign.

    Raises:
        ArgumentTypeError: for an empty text, which pathlib takes for the current folder, or an unknown home.
    """
    if not text:
        raise argparse.ArgumentTypeError("its value is empty: give one, or leave the option out")
    try:
        return with_home(text)
    except InputError as error:
        raise argparse.ArgumentTypeError(error.message) from error


def positive_number(text: str) -> float:
    """Raises: ArgumentTypeError for anything but a finite number above 0."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return number
