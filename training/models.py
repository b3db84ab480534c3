"""A small CogVideoX from scratch, in diffusers format: VAE, T5 text encoder and tokenizer, transformer, scheduler."""

from pathlib import Path

import torch


def build_vae(cell_px: int = 8, latent_channels: int = 16):
    """AutoencoderKLCogVideoX, 4x smaller in time.

    Args:
        cell_px: pixels a latent pixel is wide and high, 4 or 8; 1.9 or 2.6 M parameters.
    """
    from diffusers import AutoencoderKLCogVideoX

    channels = {4: (16, 32, 64), 8: (16, 32, 64, 64)}[cell_px]
    return AutoencoderKLCogVideoX(
        down_block_types=("CogVideoXDownBlock3D",) * len(channels),
        up_block_types=("CogVideoXUpBlock3D",) * len(channels),
        block_out_channels=channels,
        latent_channels=latent_channels,
        layers_per_block=1,
        norm_num_groups=8,
        temporal_compression_ratio=4,
        sample_height=96,
        sample_width=144,
        scaling_factor=1.0,
    )


def load_vae(source: Path):
    """A VAE in single precision, fast on a CPU: of a model folder, or of a checkpoint file `last.pt` of earlier runs.

    Raises:
        VideoError: MODEL_MISSING.
    """
    from diffusers import AutoencoderKLCogVideoX

    from tavid_planner.video.model_files import missing
    from tavid_planner.video.vae_on_cpu import speed_up_vae

    source = Path(source)
    if source.is_file():
        weights = torch.load(source, weights_only=True)["vae"]
        cell_px = 8 if "encoder.down_blocks.3.resnets.0.conv1.conv.weight" in weights else 4
        vae = build_vae(cell_px, latent_channels=weights["decoder.conv_in.conv.weight"].shape[1])
        vae.load_state_dict(weights)
    elif (source / "vae").is_dir():
        vae = AutoencoderKLCogVideoX.from_pretrained(source / "vae", torch_dtype=torch.float32, local_files_only=True)
    else:
        raise missing(f"{source} has no VAE", "give a model folder, such as runs/vae/model")
    return speed_up_vae(vae).eval()


def build_transformer(
    text_dim: int = 128,
    text_length: int = 32,
    layers: int = 8,
    heads: int = 6,
    head_dim: int = 32,
    latent_size: tuple[int, int, int, int] = (5, 16, 12, 18),
    patch_size: int = 2,
):
    """CogVideoXTransformer3DModel for image-to-video: channels for noise and for the image, rotary embeddings.

    Args:
        latent_size: (F, C, h, w) of the clips.
    """
    from diffusers import CogVideoXTransformer3DModel

    frames, channels, height, width = latent_size
    return CogVideoXTransformer3DModel(
        num_attention_heads=heads,
        attention_head_dim=head_dim,
        in_channels=2 * channels,
        out_channels=channels,
        time_embed_dim=128,
        text_embed_dim=text_dim,
        num_layers=layers,
        sample_width=width,
        sample_height=height,
        sample_frames=4 * (frames - 1) + 1,
        patch_size=patch_size,
        max_text_seq_length=text_length,
        use_rotary_positional_embeddings=True,
        use_learned_positional_embeddings=False,
    )


def build_text_encoder(vocab_size: int):
    """A two-layer T5 encoder, trained together with the transformer."""
    from transformers import T5Config, T5EncoderModel

    return T5EncoderModel(
        T5Config(
            vocab_size=vocab_size,
            d_model=128,
            d_kv=32,
            d_ff=256,
            num_layers=2,
            num_heads=4,
            dropout_rate=0.0,
            feed_forward_proj="gated-gelu",
            pad_token_id=0,
            eos_token_id=1,
        )
    )


WORDS = """
a an the and with on in to from of it his her their this that one other next near table floor desk shelf chair room
person man woman boy girl someone people hand hands robot actor human figure
picks pick takes take lifts lift grasps grasp grabs grab touches touch reaches reach moves move pushes push pulls pull
holds hold puts put places place drinks drink opens open raises raise slides slide interacts interact up down over for
target object objects thing item mug cup bottle can bowl box ball glass jar vase plate phone book bag tin carton block
cube
red green blue yellow orange purple pink teal white black grey gray brown beige cyan magenta dark light small large tall
wearing shirt sweater jacket dress trousers jeans blond hair young old
"""


def build_tokenizer(sentences: list[str], max_length: int = 32):
    """A Unigram tokenizer of whole words, letters as the fallback; T5 conventions (pad 0, end of sentence 1).

    Args:
        sentences: their words join the list above.
    """
    import re
    import string

    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    words = sorted(set(WORDS.split()) | set(re.findall("[a-z]+", " ".join(sentences).lower())))
    letters = string.ascii_lowercase + string.digits + string.punctuation + "\u2581"
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", -30.0)]
    pieces += [("\u2581" + word, -5.0) for word in words]
    pieces += [(letter, -15.0) for letter in letters]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=2, byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Punctuation(), pre_tokenizers.Metaspace()])
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        eos_token="</s>",
        unk_token="<unk>",
        model_max_length=max_length,
    )


def build_scheduler(prediction_type: str = "v_prediction"):
    """The DPM scheduler of CogVideoX: scaled-linear betas, zero terminal SNR, trailing steps."""
    from diffusers import CogVideoXDPMScheduler

    return CogVideoXDPMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type=prediction_type,
        rescale_betas_zero_snr=True,
        snr_shift_scale=1.0,
        timestep_spacing="trailing",
        set_alpha_to_one=True,
    )
