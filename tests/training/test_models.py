import pytest
import torch
from diffusers.models.embeddings import get_3d_rotary_pos_embed

from tavid_planner.video.prompt import insert_trigger, trigger_token_indices
from training.models import build_text_encoder, build_tokenizer, build_transformer, build_vae


@pytest.mark.parametrize("cell_px", [4, 8])
def test_vae_reduces_by_its_cell_in_space_and_four_times_in_time(cell_px):
    vae = build_vae(cell_px, latent_channels=6)
    with torch.no_grad():
        latents = vae.encode(torch.zeros(1, 3, 9, 32, 48)).latent_dist.mode()
        frames = vae.decode(latents).sample
    assert latents.shape == (1, 6, 3, 32 // cell_px, 48 // cell_px)
    assert frames.shape == (1, 3, 9, 32, 48)


def test_tokenizer_has_one_token_a_word_and_finds_the_trigger():
    tokenizer = build_tokenizer(["A woman in a mauve shirt picks up the mug."])
    prompt = insert_trigger("A woman in a mauve shirt picks up the [TGT] mug.", "target")
    tokens = tokenizer.tokenize(prompt.text)
    assert "\u2581mauve" in tokens and len(tokens) <= 13
    [index] = trigger_token_indices(tokenizer, prompt, 32)
    assert tokens[index] == "\u2581target"


def test_tokenizer_spells_unknown_words():
    tokenizer = build_tokenizer([])
    assert tokenizer.unk_token_id not in tokenizer("the [TGT] zyzzyva, 3 cm").input_ids


def test_tokenizer_pads_and_ends_as_t5(tmp_path):
    tokenizer = build_tokenizer([])
    tokenizer.save_pretrained(tmp_path)
    loaded = type(tokenizer).from_pretrained(tmp_path)
    ids = loaded("a mug", padding="max_length", max_length=6).input_ids
    assert ids[-1] == 0 and ids[2] == 1 and len(ids) == 6


def test_transformer_and_text_encoder_fit_together():
    text_encoder, transformer = build_text_encoder(300), build_transformer()
    assert text_encoder.config.d_model == transformer.config.text_embed_dim
    assert transformer.config.in_channels == 2 * transformer.config.out_channels


def test_transformer_has_the_size_of_its_latents():
    transformer = build_transformer(layers=1, latent_size=(3, 8, 24, 36), patch_size=4)
    noisy = torch.zeros(1, 3, 16, 24, 36)
    assert transformer.config.out_channels == 8
    rotary = get_3d_rotary_pos_embed(32, ((0, 0), (6, 9)), (6, 9), 3)
    with torch.no_grad():
        out = transformer(noisy, torch.zeros(1, 4, 128), torch.tensor([5]), image_rotary_emb=rotary).sample
    assert out.shape == (1, 3, 8, 24, 36)
