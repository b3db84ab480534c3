"""The sentencepiece library, which mediapipe brings along, is the reference."""

import json
import shutil

import pytest

from tavid_planner.errors import ErrorCode, VideoError
from tavid_planner.video import TargetAwarePipeline
from tavid_planner.video.prompt import insert_trigger, trigger_token_indices
from tavid_planner.video.tokenizer import load_t5_tokenizer

sentencepiece = pytest.importorskip("sentencepiece")

SENTENCES = ("the person picks up the target mug.", "Puts  two ﬁne\tcups down, then WAVES!", "ÀÉ ½ mug")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tokenizer")
    corpus = folder / "corpus.txt"
    words = " ".join(SENTENCES).split()
    corpus.write_text("\n".join(" ".join(words[i % len(words) :] + words[: i % 5]) for i in range(200)))
    sentencepiece.SentencePieceTrainer.train(
        input=str(corpus),
        model_prefix=str(folder / "spiece"),
        vocab_size=70,
        hard_vocab_limit=False,
        model_type="unigram",
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
        minloglevel=2,
    )
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "T5Tokenizer"}))
    return folder


@pytest.mark.parametrize("sentence", SENTENCES)
def test_same_tokens_as_sentencepiece(folder, sentence):
    reference = sentencepiece.SentencePieceProcessor(model_file=str(folder / "spiece.model"))
    assert load_t5_tokenizer(folder)(sentence).input_ids == [*reference.encode(sentence), 1]


def test_sentinels_follow_the_pieces_in_reverse(folder):
    tokenizer, pieces = load_t5_tokenizer(folder), sentencepiece.SentencePieceProcessor(str(folder / "spiece.model"))
    assert tokenizer.convert_tokens_to_ids("<extra_id_99>") == len(pieces)
    assert len(tokenizer) == len(pieces) + 100


def test_trigger_is_found_in_normalised_text(folder):
    tokenizer = load_t5_tokenizer(folder)
    prompt = insert_trigger("two ﬁne ½ cups, the [TGT] mug")
    indices = trigger_token_indices(tokenizer, prompt, 226)
    assert "".join(tokenizer.convert_ids_to_tokens(tokenizer(prompt.text).input_ids)[i] for i in indices) == "▁target"


def test_pipeline_with_a_sentencepiece_file_only(tmp_path, tiny_base, folder):
    base = shutil.copytree(tiny_base, tmp_path / "base")
    shutil.rmtree(base / "tokenizer")
    (base / "tokenizer").mkdir()
    for name in ("spiece.model", "tokenizer_config.json"):
        shutil.copy(folder / name, base / "tokenizer")
    pipeline = TargetAwarePipeline.from_pretrained(base)
    assert pipeline.tokenizer(SENTENCES[0]).input_ids == load_t5_tokenizer(folder)(SENTENCES[0]).input_ids


def test_truncated_file_is_named(tmp_path, folder):
    content = (folder / "spiece.model").read_bytes()
    (tmp_path / "spiece.model").write_bytes(content[:-11])
    with pytest.raises(VideoError, match="spiece.model") as error:
        load_t5_tokenizer(tmp_path)
    assert error.value.code is ErrorCode.MODEL_MISSING
