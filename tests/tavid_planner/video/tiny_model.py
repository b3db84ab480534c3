"""Writes a tiny CogVideoX image-to-video model with random weights, and an adapter for it, in about a second.

    base = write_tiny_model(tmp_path / "base")
    adapter = write_tiny_adapter(tmp_path / "adapter", base)

Frames must be multiples of 16 px; 16x16 and 9 frames are the fastest useful clip.
"""

from pathlib import Path

import torch
from diffusers import (
    AutoencoderKLCogVideoX,
    CogVideoXDDIMScheduler,
    CogVideoXDPMScheduler,
    CogVideoXImageToVideoPipeline,
    CogVideoXTransformer3DModel,
)
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast, T5Config, T5EncoderModel

WORDS = "the a person picks up target mug cup red blue green lifts touches with left right hand and interacts object"
LETTERS = "abcdefghijklmnopqrstuvwxyz.,!?'[]"
TEXT_LENGTH = 24
TEXT_WIDTH = 16
TEXT_ENCODER = dict(d_model=TEXT_WIDTH, d_kv=8, d_ff=16, num_layers=1, num_heads=2, feed_forward_proj="gated-gelu")
NUM_BLOCKS = 3
# of the clips in the tests
HEIGHT = 32
WIDTH = 48
FRAMES = 9


def write_tiny_model(folder: Path, scheduler: str = "dpm", seed: int = 0, **transformer_changes) -> Path:
    """Write a base model with an 8x/4x VAE, T5 text encoder and 3 transformer blocks with rotary positions."""
    torch.manual_seed(seed)
    tokenizer = tiny_tokenizer()
    text_encoder = T5EncoderModel(T5Config(vocab_size=len(tokenizer), **TEXT_ENCODER))
    kind = CogVideoXDPMScheduler if scheduler == "dpm" else CogVideoXDDIMScheduler
    pipeline = CogVideoXImageToVideoPipeline(
        tokenizer=tokenizer,
        text_encoder=text_encoder.eval(),
        vae=tiny_vae().eval(),
        transformer=tiny_transformer(**transformer_changes).eval(),
        scheduler=kind(
            prediction_type="v_prediction",
            timestep_spacing="trailing",
            rescale_betas_zero_snr=True,
            snr_shift_scale=1.0,
            clip_sample=False,
        ),
    )
    pipeline.save_pretrained(folder)
    return Path(folder)


def tiny_vae() -> AutoencoderKLCogVideoX:
    return AutoencoderKLCogVideoX(
        block_out_channels=(8, 8, 8, 8),
        layers_per_block=1,
        latent_channels=16,
        norm_num_groups=2,
        sample_height=32,
        sample_width=48,
        temporal_compression_ratio=4,
        scaling_factor=0.7,
        invert_scale_latents=True,
    )


def tiny_transformer(**changes) -> CogVideoXTransformer3DModel:
    settings = dict(
        num_attention_heads=2,
        attention_head_dim=16,
        in_channels=32,
        out_channels=16,
        time_embed_dim=8,
        text_embed_dim=TEXT_WIDTH,
        num_layers=NUM_BLOCKS,
        sample_width=6,
        sample_height=4,
        sample_frames=9,
        patch_size=2,
        max_text_seq_length=TEXT_LENGTH,
        use_rotary_positional_embeddings=True,
    )
    return CogVideoXTransformer3DModel(**{**settings, **changes})


def tiny_tokenizer() -> PreTrainedTokenizerFast:
    """A Unigram tokenizer as T5's: words and letters, `</s>` at the end."""
    pieces = [f"▁{word}" for word in WORDS.split()]
    letters = ["▁", *LETTERS]
    vocabulary = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    vocabulary += [(piece, -3.0) for piece in pieces] + [(letter, -8.0) for letter in letters]
    backend = Tokenizer(models.Unigram(vocabulary, unk_id=2))
    backend.normalizer = normalizers.NFKC()
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    backend.decoder = decoders.Metaspace()
    backend.post_processor = processors.TemplateProcessing(
        single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 1)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        pad_token="<pad>",
        eos_token="</s>",
        unk_token="<unk>",
        model_max_length=TEXT_LENGTH,
    )


def write_tiny_adapter(
    folder: Path,
    base: Path,
    rank: int = 4,
    alpha: float = 2.0,
    trigger: str = "target",
    seed: int = 1,
    conditioning: str = "mask",
    **extra,
) -> Path:
    """Write an adapter with random, non-zero weights for a model of `write_tiny_model`."""
    from peft import LoraConfig

    from tavid_planner.video.adapter import save_adapter, widen_patch_embed
    from tavid_planner.video.conditioning import Conditioning

    transformer = CogVideoXTransformer3DModel.from_pretrained(base, subfolder="transformer")
    kind = Conditioning(conditioning)
    channels = kind.channels(transformer.config.out_channels)
    widen_patch_embed(transformer, channels)
    torch.manual_seed(seed)
    transformer.add_adapter(LoraConfig(r=rank, lora_alpha=alpha, target_modules=["to_q", "to_k", "to_v", "to_out.0"]))
    with torch.no_grad():
        for name, parameter in transformer.named_parameters():
            if "lora_" in name:
                parameter.normal_(std=0.3)
        transformer.patch_embed.proj.weight[:, -channels:].normal_(std=0.5)
    save_adapter(folder, transformer, rank, alpha, trigger, extra, kind)
    return Path(folder)
