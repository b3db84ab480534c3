import pytest
from tiny_model import TEXT_LENGTH, tiny_tokenizer

from tavid_planner.errors import ErrorCode, InputError
from tavid_planner.video.prompt import TriggeredPrompt, insert_trigger, trigger_token_indices


@pytest.fixture(scope="module")
def tokenizer():
    return tiny_tokenizer()


class SlowTokenizer:
    """The same tokens without offsets, as tokenizers that are not backed by `tokenizers` give them."""

    is_fast = False

    def __init__(self, fast):
        self.fast = fast

    def __call__(self, text, add_special_tokens=True):
        return self.fast(text, add_special_tokens=add_special_tokens)


def tokens_at(tokenizer, prompt, indices):
    return [tokenizer.convert_ids_to_tokens(tokenizer(prompt.text).input_ids)[i] for i in indices]


def test_every_mark_becomes_the_trigger():
    prompt = insert_trigger("the [TGT] mug touches the [TGT]cup", "target")
    assert prompt.text == "the target mug touches the target cup"
    assert [prompt.text[a:b] for a, b in prompt.spans] == ["target", "target"]


def test_a_trigger_that_the_user_wrote_is_found_as_a_word():
    prompt = insert_trigger("targets the target mug", "target")
    assert prompt == TriggeredPrompt("targets the target mug", ((12, 18),))


def test_without_a_target_the_prompt_has_no_span():
    assert insert_trigger("lifts the mug", "target").spans == ()


@pytest.mark.parametrize("wrap", [lambda t: t, SlowTokenizer])
@pytest.mark.parametrize(
    "text, trigger, expected",
    [
        ("the person lifts the [TGT] mug.", "target", ["▁target"]),
        ("[TGT] mug, the [TGT] cup", "target", ["▁target", "▁target"]),
        ("the [TGT] mug", "zot", ["▁", "z", "o", "t"]),
    ],
)
def test_indices_are_the_trigger_tokens(tokenizer, wrap, text, trigger, expected):
    prompt = insert_trigger(text, trigger)
    indices = trigger_token_indices(wrap(tokenizer), prompt, TEXT_LENGTH)
    found = tokens_at(tokenizer, prompt, indices)
    # whether the bare word mark belongs to the word is the tokenizer's business
    assert [t for t in found if t != "▁"] == [t for t in expected if t != "▁"]


@pytest.mark.parametrize("text, word", [("lifts the mug", "name"), ("mug " * 40 + "[TGT] cup", "behind")])
def test_a_target_that_the_model_cannot_read_is_refused(tokenizer, text, word):
    with pytest.raises(InputError, match=word) as error:
        trigger_token_indices(tokenizer, insert_trigger(text), TEXT_LENGTH)
    assert error.value.code is ErrorCode.INSTRUCTION_INVALID
