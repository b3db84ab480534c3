"""With tiny random models, saved as transformers saves them: what is tested is what goes in and where it ends up."""

import json

import cv2
import numpy as np
import pytest
import torch

from hoi_motion.media.image_files import read_mask
from tavid_planner.errors import ErrorCode, InputError, VideoError
from training.data.annotate import Captioner, MaskMaker, annotate, read_prompt
from training.data.sources import VideoClips

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[DEC]", "[ENC]", "a", "person", "takes", "mug"]


@pytest.fixture(scope="session")
def sam_folder(tmp_path_factory):
    from transformers import SamConfig, SamModel, SamProcessor
    from transformers.models.sam.image_processing_pil_sam import SamImageProcessorPil

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("sam")
    config = SamConfig(
        vision_config=dict(
            hidden_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            image_size=64,
            patch_size=16,
            output_channels=16,
            window_size=2,
            global_attn_indexes=[0],
            mlp_dim=16,
            num_pos_feats=8,
        ),
        prompt_encoder_config=dict(hidden_size=16, image_size=64, patch_size=16, image_embedding_size=4),
        mask_decoder_config=dict(
            hidden_size=16,
            mlp_dim=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            iou_head_hidden_dim=16,
        ),
    )
    SamModel(config).save_pretrained(folder)
    sides = dict(size={"longest_edge": 64}, pad_size={"height": 64, "width": 64}, mask_size={"longest_edge": 16})
    SamProcessor(SamImageProcessorPil(**sides, mask_pad_size={"height": 16, "width": 16})).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def captioner_folder(tmp_path_factory):
    from transformers import BertTokenizerFast, BlipConfig, BlipForConditionalGeneration, BlipProcessor
    from transformers.models.blip.image_processing_pil_blip import BlipImageProcessorPil

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("captioner")
    (folder / "vocab.txt").write_text("\n".join(WORDS))
    width = dict(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16)
    text = dict(
        vocab_size=len(WORDS),
        encoder_hidden_size=16,
        projection_dim=8,
        bos_token_id=5,
        eos_token_id=3,
        pad_token_id=0,
        sep_token_id=3,
        max_position_embeddings=64,
    )
    config = BlipConfig(
        text_config={**width, **text},
        vision_config={**width, "image_size": 32, "patch_size": 16},
        projection_dim=8,
        image_text_hidden_size=8,
    )
    BlipForConditionalGeneration(config).save_pretrained(folder)
    tokenizer = BertTokenizerFast(str(folder / "vocab.txt"))
    BlipProcessor(BlipImageProcessorPil(size={"height": 32, "width": 32}), tokenizer).save_pretrained(folder)
    return folder


def write_video(path, size=(48, 32)):
    video = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 8, size)
    rng = np.random.default_rng(0)
    for _ in range(3):
        video.write(rng.integers(0, 255, (size[1], size[0], 3), dtype=np.uint8))
    video.release()


def test_missing_mask_and_caption_are_made_and_what_is_there_is_kept(sam_folder, captioner_folder, tmp_path):
    for name in ("bare", "done"):
        write_video(tmp_path / f"{name}.avi")
    (tmp_path / "bare.json").write_text(json.dumps({"box": [8, 4, 40, 28]}))
    done = np.zeros((32, 48), np.uint8)
    done[4:8, 4:8] = 255
    cv2.imwrite(str(tmp_path / "done.png"), done)
    (tmp_path / "done.txt").write_text("Takes the [TGT] cup.")
    assert annotate(tmp_path, MaskMaker(str(sam_folder)), Captioner(str(captioner_folder))) == (2, [])
    clips = VideoClips(tmp_path)
    bare, kept = clips.load("bare.avi"), clips.load("done.avi")
    assert bare.mask.shape == (32, 48) and bare.mask.any()
    assert bare.caption.endswith("The person interacts with [TGT] object.")
    assert kept.caption == "Takes the [TGT] cup." and np.array_equal(kept.mask, done > 0)


def test_mask_follows_the_prompt(sam_folder):
    maker, image = MaskMaker(str(sam_folder)), np.random.default_rng(0).integers(0, 255, (32, 48, 3), dtype=np.uint8)
    prompts = {"box": [1.0, 1.0, 9.0, 9.0]}, {"box": [20.0, 10.0, 47.0, 31.0]}, {"point": [30.0, 20.0]}
    masks = [maker.mask(image, prompt) for prompt in prompts]
    assert all(m.shape == (32, 48) and m.dtype == bool for m in masks)
    assert len({m.tobytes() for m in masks}) == 3


@pytest.mark.parametrize(
    "text, reason",
    [
        (None, "does not say where the target is"),
        ("{", "is not a prompt"),
        ('{"box": [1, 2, 3]}', "expected"),
        ('{"circle": [1, 2]}', "expected"),
        ('{"point": [50, 2]}', "not in the 48x32 picture"),
        ('{"box": [9, 2, 3, 8]}', "not in the 48x32 picture"),
    ],
)
def test_place_that_cannot_be_used_is_named(tmp_path, text, reason):
    if text is not None:
        (tmp_path / "a.json").write_text(text)
    with pytest.raises(InputError, match=reason):
        read_prompt(tmp_path / "a.json", 32, 48)


def test_clip_without_a_place_is_listed_and_the_next_one_is_made(sam_folder, tmp_path):
    for name in ("a", "b"):
        write_video(tmp_path / f"{name}.avi")
    (tmp_path / "b.json").write_text('{"point": [20, 10]}')
    written, [reason] = annotate(tmp_path, MaskMaker(str(sam_folder)), None)
    assert written == 1 and "a.json does not say where" in reason
    assert read_mask(tmp_path / "b.png").shape == (32, 48)


@pytest.mark.parametrize("kind", [MaskMaker, Captioner])
def test_model_without_weights_is_named(kind, sam_folder, tmp_path):
    (tmp_path / "config.json").write_text((sam_folder / "config.json").read_text())
    for name in (str(tmp_path), str(tmp_path / "nowhere")):
        with pytest.raises(VideoError, match=name) as caught:
            kind(name)
        assert caught.value.code == ErrorCode.MODEL_MISSING
