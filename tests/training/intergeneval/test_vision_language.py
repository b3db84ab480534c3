"""With a tiny random model, saved as transformers saves it."""

import json

import numpy as np
import pytest
import torch

from tavid_planner.errors import ErrorCode, VideoError
from training.intergeneval.judged_clip import JudgedClip
from training.intergeneval.judges import judge_named
from training.intergeneval.questions import Interaction

TEMPLATE = (
    "{% for message in messages %}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<image> {% else %}{{ part['text'] }}{% endif %}{% endfor %}{% endfor %}"
)
MOVE = Interaction("man", "lifts", "mug", 1, 2)


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory):
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import (
        CLIPVisionConfig,
        LlamaConfig,
        LlavaConfig,
        LlavaForConditionalGeneration,
        LlavaProcessor,
        PreTrainedTokenizerFast,
    )
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("judge")
    words = {w: i for i, w in enumerate(["<pad>", "<unk>", "<image>", "yes", "no", "Yes", "No", "the", "mug"])}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="<unk>", pad_token="<pad>", additional_special_tokens=["<image>"]
    )
    config = LlavaConfig(
        vision_config=CLIPVisionConfig(
            hidden_size=16,
            intermediate_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            image_size=32,
            patch_size=16,
        ),
        text_config=LlamaConfig(
            hidden_size=16,
            intermediate_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            num_key_value_heads=2,
            vocab_size=len(words),
            max_position_embeddings=256,
        ),
        image_token_index=2,
        vision_feature_layer=-1,
    )
    LlavaForConditionalGeneration(config).save_pretrained(folder)
    pictures = CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    LlavaProcessor(
        pictures,
        fast,
        patch_size=16,
        vision_feature_select_strategy="default",
        chat_template=TEMPLATE,
        image_token="<image>",
        num_additional_image_tokens=1,
    ).save_pretrained(folder)
    return folder


def clip(count=9):
    ids = np.zeros((24, 36), np.uint8)
    ids[2:8, 2:8], ids[12:20, 20:30] = 1, 2
    frames = np.random.default_rng(0).integers(0, 255, (count, 24, 36, 3), dtype=np.uint8)
    return JudgedClip(frames, ids, 8.0)


def test_every_question_is_answered_and_the_same_one_always_alike(model_folder):
    judge = judge_named("vision-language", str(model_folder))
    answers = judge.answers(clip(), MOVE)
    assert answers.shape == (10,) and answers.dtype == bool
    assert np.array_equal(answers, judge.answers(clip(), MOVE))
    emerged, vanished = judge.changes(clip(), np.array([5]))
    assert emerged.shape == vanished.shape == (1,)


def test_the_likelier_word_is_the_answer(model_folder):
    judge = judge_named("vision-language", str(model_folder))
    head = judge.asked.model.get_output_embeddings()
    vocabulary = judge.asked.processor.tokenizer.get_vocab()
    for likely, unlikely, said in (("yes", "no", True), ("No", "yes", False)):
        last = torch.nn.Linear(head.in_features, head.out_features)
        with torch.no_grad():
            last.weight.zero_()
            last.bias.zero_()
            last.bias[vocabulary[likely]], last.bias[vocabulary[unlikely]] = 2.0, 1.0
        judge.asked.model.set_output_embeddings(last)
        assert (judge.answers(clip(), MOVE) == said).all()


def test_a_folder_without_a_model_is_refused_by_name(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "nothing"}))
    with pytest.raises(VideoError) as caught:
        judge_named("vision-language", str(tmp_path))
    assert caught.value.code is ErrorCode.MODEL_MISSING and str(tmp_path) in caught.value.message
