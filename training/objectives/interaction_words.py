"""Which tokens of a caption name the subject, the object and what is done: a triplet's words, found in the sentence.

A noun brings the modifiers that stand before it ("the tall woman", "a red mug"), a verb its auxiliaries and particle
("is picking up"): MATRIX adds up the attention to all of them.
"""

import re
from dataclasses import dataclass

from tavid_planner.errors import ErrorCode, InputError

Span = tuple[int, int]

AUXILIARIES = frozenset("is are was were be been being has have had does do did will would can could".split())
PARTICLES = frozenset("up down off out over away back in on onto into across".split())
# words before which a noun's modifiers begin, or that belong to another part of the sentence
STOPS = frozenset(
    "the a an this that these those his her its their of to from with by at for and or then who while near behind "
    "beside".split()
)
MOST_MODIFIERS = 4
_WORD = re.compile(r"\[\w+\]|<\w+>|[\w'-]+|[^\w\s]")


@dataclass(frozen=True)
class Triplet:
    """Who does what with what, in the words of the caption: "tall woman", "picks up", "red mug"."""

    subject: str
    verb: str
    other: str


def triplet_spans(caption: str, triplet: Triplet) -> tuple[Span, Span, Span]:
    """Characters (start, end) of subject, verb and object in a caption, modifiers and auxiliaries included.

    The subject is looked for before the verb and the object after it, so that "the woman hands the cup to the woman"
    has two of them.

    Raises:
        InputError: INSTRUCTION_INVALID naming the words that the caption does not have.
    """
    verb = _first(caption, _verb_pattern(triplet.verb))
    subject = other = None
    if verb is not None:
        subject = _last(caption[: verb[0]], _phrase_pattern(triplet.subject)) or _first(
            caption, _phrase_pattern(triplet.subject)
        )
        other = _first(caption, _phrase_pattern(triplet.other), verb[1]) or _last(
            caption[: verb[0]], _phrase_pattern(triplet.other)
        )
    missing = [
        word
        for word, span in zip((triplet.subject, triplet.verb, triplet.other), (subject, verb, other))
        if span is None and _first(caption, _phrase_pattern(word)) is None
    ]
    if missing or None in (subject, verb, other):
        names = ", ".join(repr(word) for word in missing or (triplet.subject, triplet.other))
        raise InputError(
            ErrorCode.INSTRUCTION_INVALID,
            f"the caption {caption[:120]!r} does not have the words {names}",
            "write the triplet in the caption's own words",
        )
    return _with_modifiers(caption, subject), _with_auxiliaries(caption, verb), _with_modifiers(caption, other)


def span_tokens(tokenizer, text: str, span: Span, max_length: int) -> tuple[int, ...]:
    """Positions of the tokens that overlap characters of a text.

    Raises:
        InputError: INSTRUCTION_INVALID when they lie behind what the model reads.
    """
    offsets = tokenizer(text, return_offsets_mapping=True)["offset_mapping"]
    found = tuple(i for i, (start, end) in enumerate(offsets) if max(start, span[0]) < min(end, span[1]))
    if not found or max(found) >= max_length - 1:
        raise InputError(
            ErrorCode.INSTRUCTION_INVALID,
            f"the words {text[slice(*span)]!r} lie behind the {max_length} tokens that the model reads",
            "shorten the caption",
        )
    return found


def _phrase_pattern(phrase: str) -> str:
    """The phrase's words in their order; a marker such as [TGT] or <id1> may stand between or before them."""
    words = [re.escape(word) for word in phrase.split()]
    return r"(?<!\w)" + r"\s+(?:(?:\[\w+\]|<\w+>)\s*)?".join(words) + r"(?!\w)" if words else r"(?!)"


def _verb_pattern(verb: str) -> str:
    """A verb with a particle may have its object between the two: "picks the mug up"."""
    words = verb.split()
    if len(words) == 2 and words[1] in PARTICLES:
        return rf"(?<!\w){re.escape(words[0])}(?!\w)(?:\s+{re.escape(words[1])}(?!\w))?"
    return _phrase_pattern(verb)


def _first(text: str, pattern: str, start: int = 0) -> Span | None:
    found = re.compile(pattern, re.IGNORECASE).search(text, start)
    return None if found is None else found.span()


def _last(text: str, pattern: str) -> Span | None:
    spans = [match.span() for match in re.finditer(pattern, text, re.IGNORECASE)]
    return spans[-1] if spans else None


def _with_modifiers(caption: str, span: Span) -> Span:
    """The words between a noun's article, marker or the sentence's start and the noun; none when there is no such."""
    start = span[0]
    for number, match in enumerate(reversed(list(_WORD.finditer(caption[: span[0]])))):
        word = match.group()
        if word.lower() in STOPS or word[0] in "[<":
            return start, span[1]
        if number == MOST_MODIFIERS or not word[0].isalpha() or word.lower() in AUXILIARIES:
            return span
        start = match.start()
    return start, span[1]


def _with_auxiliaries(caption: str, span: Span) -> Span:
    start = span[0]
    for match in reversed(list(re.finditer(r"\w+", caption[: span[0]]))):
        if match.group().lower() not in AUXILIARIES or caption[match.end() : start].strip():
            break
        start = match.start()
    return start, span[1]
