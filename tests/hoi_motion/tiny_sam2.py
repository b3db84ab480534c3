"""Tiny random models of SAM 2 and EdgeTAM for the tests, in exactly the format of the large ones."""

import json
from pathlib import Path

SIDE = 64
PIXELS = {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}


def tiny_sam2_vision(width: int) -> dict:
    """Arguments of a `Sam2VisionConfig` for pictures of SIDE pixels; `width` is that of its features."""
    backbone = dict(
        model_type="sam2_hiera_det_model",
        hidden_size=8,
        num_attention_heads=1,
        image_size=[SIDE, SIDE],
        blocks_per_stage=[1, 1, 1, 2],
        embed_dim_per_stage=[8, 16, 32, 64],
        num_attention_heads_per_stage=[1, 1, 1, 1],
        window_size_per_stage=[4, 4, 4, 4],
        window_positional_embedding_background_size=[4, 4],
        global_attention_blocks=[4],
    )
    return dict(
        model_type="sam2_vision_model",
        backbone_config=backbone,
        backbone_channel_list=[64, 32, 16, 8],
        backbone_feature_sizes=[[16, 16], [8, 8], [4, 4]],
        fpn_hidden_size=width,
    )


def write_tiny_sam2_video(folder: Path) -> Path:
    """Write a SAM 2 for video as transformers saves it."""
    import transformers

    config = transformers.Sam2VideoConfig(
        **_video_parts(),
        memory_attention_feed_forward_hidden_size=16,
    )
    return _written(transformers.Sam2VideoModel, config, folder)


def write_tiny_edgetam_video(folder: Path) -> Path:
    """Write an EdgeTAM for video as transformers saves it; its pictures' encoder is SAM 2's, which needs no timm."""
    import transformers

    config = transformers.EdgeTamVideoConfig(
        **_video_parts(),
        memory_attention_mlp_hidden_size=16,
        memory_attention_rope_k_sizes=[4, 4],
        perceiver_resampler_num_latents=16,
        perceiver_resampler_num_latents_2d=16,
        perceiver_resampler_mlp_intermediate_size=16,
    )
    return _written(transformers.EdgeTamVideoModel, config, folder)


def _video_parts() -> dict:
    return dict(
        vision_config=tiny_sam2_vision(128),
        prompt_encoder_config=dict(hidden_size=128, image_size=SIDE, patch_size=16, mask_input_channels=4),
        mask_decoder_config=dict(
            hidden_size=128, mlp_dim=16, num_hidden_layers=1, num_attention_heads=2, iou_head_hidden_dim=16
        ),
        image_size=SIDE,
        memory_attention_hidden_size=128,
        memory_attention_num_layers=1,
        memory_attention_rope_feat_sizes=[4, 4],
        memory_encoder_hidden_size=128,
        memory_encoder_output_channels=64,
        mask_downsampler_embed_dim=128,
        memory_fuser_embed_dim=128,
        memory_fuser_intermediate_dim=16,
    )


def _written(model_class, config, folder: Path) -> Path:
    import torch

    torch.manual_seed(0)
    model_class(config).save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(PIXELS))
    return folder
