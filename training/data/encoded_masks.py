"""Masks as Ego-Exo4D's relation annotations store them: COCO run lengths, compressed as a text by lz-string."""

import numpy as np

from hoi_motion.lift.track.coco_masks import run_lengths_to_mask

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-$"
_VALUE = {character: value for value, character in enumerate(_ALPHABET)}
MOST_CHARACTERS = 2**24
"""Of a text once it is whole: its parts may be any number of times as long as what is stored."""
_NEW_8_BIT = 0
_NEW_16_BIT = 1
_END = 2


def decode_mask(annotation: dict) -> np.ndarray:  # (H, W) bool
    """A mask from its annotation: width, height, encodedMask.

    Raises:
        ValueError: when it is damaged or of another size.
    """
    try:
        height, width, text = int(annotation["height"]), int(annotation["width"]), annotation["encodedMask"]
    except (KeyError, TypeError, OverflowError) as error:
        raise ValueError(f"no width, height and encodedMask: {error}") from error
    return run_lengths_to_mask(decompress(text), (height, width))


def decompress(text: str) -> str:
    """lz-string's text for URLs back to what was compressed (a dictionary of phrases that grows as they are used).

    Raises:
        ValueError: when it is damaged.
    """
    bits = _Bits(text)
    kind = bits.read(2)
    if kind == _END:
        return ""
    if kind not in (_NEW_8_BIT, _NEW_16_BIT):
        raise ValueError("it does not begin with a character")
    previous = chr(bits.read(16 if kind == _NEW_16_BIT else 8))
    phrases = ["", "", "", previous]  # the first three numbers are commands
    out, length, room, width = [previous], 1, 4, 3  # phrases until codes get one bit wider
    while True:
        code = bits.read(width)
        if code == _END:
            return "".join(out)
        if code in (_NEW_8_BIT, _NEW_16_BIT):
            phrases.append(chr(bits.read(16 if code == _NEW_16_BIT else 8)))
            code = len(phrases) - 1
            room -= 1
        if room == 0:
            room, width = 1 << width, width + 1
        if code < len(phrases):
            phrase = phrases[code]
        elif code == len(phrases):
            phrase = previous + previous[0]
        else:
            raise ValueError(f"it names phrase {code} of {len(phrases)}")
        length += len(phrase)
        if length > MOST_CHARACTERS:
            raise ValueError(f"it unpacks to more than {MOST_CHARACTERS} characters")
        out.append(phrase)
        phrases.append(previous + phrase[0])
        room -= 1
        previous = phrase
        if room == 0:
            room, width = 1 << width, width + 1


class _Bits:
    """Numbers, lowest bit first, from characters of six bits, highest bit first."""

    def __init__(self, text: str):
        self.text, self.at = text.replace(" ", "+"), 0

    def read(self, width: int) -> int:
        value = 0
        for position in range(width):
            place, within = divmod(self.at, 6)
            if place >= len(self.text) or self.text[place] not in _VALUE:
                raise ValueError("its text ends too early or holds a foreign character")
            value |= (_VALUE[self.text[place]] >> (5 - within) & 1) << position
            self.at += 1
        return value
