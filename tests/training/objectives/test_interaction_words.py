import pytest

from tavid_planner.errors import ErrorCode, InputError
from training.objectives.interaction_words import Triplet, span_tokens, triplet_spans


@pytest.mark.parametrize(
    "caption, triplet, words",
    [
        (
            "The woman picks up the [TGT] red mug.",
            ("woman", "picks up", "mug"),
            ("woman", "picks up", "red mug"),
        ),
        (
            "A tall man is picking up the mug",
            ("man", "picking up", "mug"),
            ("tall man", "is picking up", "mug"),
        ),
        (
            "the woman hands the cup to the woman",
            ("woman", "hands", "woman"),
            ("woman", "hands", "woman"),
        ),
        (
            "The person picks the small green bottle up",
            ("person", "picks up", "bottle"),
            ("person", "picks", "small green bottle"),
        ),
        (
            "a <id1> person passes a ball to another <id2> person",
            ("person", "passes", "ball"),
            ("person", "passes", "ball"),
        ),
    ],
)
def test_words_are_found_with_modifiers_and_auxiliaries(caption, triplet, words):
    spans = triplet_spans(caption, Triplet(*triplet))
    assert tuple(caption[slice(*span)] for span in spans) == words


def test_object_is_the_one_behind_the_verb():
    caption = "the woman hands the cup to the woman"
    subject, _, other = triplet_spans(caption, Triplet("woman", "hands", "woman"))
    assert subject == (4, 9) and other == (31, 36)


@pytest.mark.parametrize(
    "triplet, missing", [(("dog", "picks up", "mug"), "'dog'"), (("man", "throws", "bowl"), "'throws', 'bowl'")]
)
def test_words_that_the_caption_lacks_are_named(triplet, missing):
    with pytest.raises(InputError, match=missing) as error:
        triplet_spans("the man picks up the mug", Triplet(*triplet))
    assert error.value.code is ErrorCode.INSTRUCTION_INVALID


def test_tokens_of_a_span_are_those_that_overlap_it(tiny_tokenizer):
    text = "the person lifts the red mug"
    numbers = span_tokens(tiny_tokenizer, text, (21, 28), 24)
    pieces = tiny_tokenizer.convert_ids_to_tokens(tiny_tokenizer(text).input_ids)
    assert [pieces[i] for i in numbers] == ["▁red", "▁mug"]


def test_words_behind_the_last_token_are_refused(tiny_tokenizer):
    with pytest.raises(InputError, match="'mug'"):
        span_tokens(tiny_tokenizer, "the person lifts the red mug", (25, 28), 5)


@pytest.fixture
def tiny_tokenizer():
    from tiny_model import tiny_tokenizer

    return tiny_tokenizer()
