"""The ten questions about an interaction: 1 to 6 its steps in time (KISA), 7 to 10 who and what takes part (SGI).

What each asks follows MATRIX's evaluation (a state before, four steps, a state after; that the subject acts, that it is
the one who does it, that the object is what it happens to, that it is no other object); the words are our own.
"""

from dataclasses import dataclass

KISA = "KISA"
SGI = "SGI"
NUM_KISA = 6
NUM_QUESTIONS = 10


@dataclass(frozen=True)
class Interaction:
    """Who does what to what, in words and as instances of the first frame.

    Attributes:
        subject, verb, other: in words, such as "man in a red shirt", "picks up", "blue mug".
        subject_id, other_id: their instances; recipient_id: of the one who gets the object, where it is handed over.
    """

    subject: str
    verb: str
    other: str
    subject_id: int
    other_id: int
    recipient_id: int | None = None


@dataclass(frozen=True)
class Question:
    """number 1 to 10; part: KISA or SGI; text: to be answered by yes or no."""

    number: int
    part: str
    text: str


def questions_of(interaction: Interaction) -> tuple[Question, ...]:
    """All ten, in order."""
    subject, other = f"the {interaction.subject} (red box)", f"the {interaction.other} (green box)"
    hand = f"a hand of {subject}"
    texts = (
        f"In the first frame, is {subject} not yet touching {other}?",
        f"Does {hand} start to move towards {other}?",
        f"Does {hand} come close to {other}?",
        f"Does {hand} make contact with {other}?",
        f"Does {hand} stay on {other} for more than a moment?",
        f"At the end, is it visible that {subject} {interaction.verb} {other}?",
        f"Does {subject} do something, rather than only stand there?",
        f"Is {subject}, and nobody else, the one who first touches {other}?",
        f"Is {other} what something is done to?",
        f"Is it {other}, and no other object, that {subject} touches longest?",
    )
    return tuple(Question(n, KISA if n <= NUM_KISA else SGI, text) for n, text in enumerate(texts, start=1))
