"""SAM 2 for video from a folder: a random tiny model in exactly the format of the large ones."""

import json

import numpy as np
import pytest

from hoi_motion.errors import LiftError
from hoi_motion.lift.track.sam_video import SamVideoTracker
from hoi_motion.lift.track.sources import track_source

torch = pytest.importorskip("torch")
SIDE = 64
FRAMES = 5
SIZE_PX = (48, 96)
PIXELS = {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    import transformers

    torch.manual_seed(0)
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
    vision = dict(
        model_type="sam2_vision_model",
        backbone_config=backbone,
        backbone_channel_list=[64, 32, 16, 8],
        backbone_feature_sizes=[[16, 16], [8, 8], [4, 4]],
        fpn_hidden_size=128,
    )
    config = transformers.Sam2VideoConfig(
        vision_config=vision,
        prompt_encoder_config=dict(hidden_size=128, image_size=SIDE, patch_size=16, mask_input_channels=4),
        mask_decoder_config=dict(
            hidden_size=128, mlp_dim=16, num_hidden_layers=1, num_attention_heads=2, iou_head_hidden_dim=16
        ),
        image_size=SIDE,
        memory_attention_hidden_size=128,
        memory_attention_num_layers=1,
        memory_attention_feed_forward_hidden_size=16,
        memory_attention_rope_feat_sizes=[4, 4],
        memory_encoder_hidden_size=128,
        memory_encoder_output_channels=64,
        mask_downsampler_embed_dim=128,
        memory_fuser_embed_dim=128,
        memory_fuser_intermediate_dim=16,
    )
    folder = tmp_path_factory.mktemp("sam2")
    model = transformers.Sam2VideoModel(config).eval()
    model.save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(PIXELS))
    return folder


@pytest.fixture(scope="module")
def clip():
    """A bright square that moves right, and its mask in the first frame."""
    frames = np.full((FRAMES, *SIZE_PX, 3), 40, np.uint8)
    mask = np.zeros(SIZE_PX, bool)
    mask[16:32, 16:32] = True
    for t in range(FRAMES):
        frames[t][np.roll(mask, 8 * t, 1)] = 220
    return frames, mask


def test_masks_of_every_frame_become_a_track_and_are_the_library_s_own(folder, clip):
    frames, mask = clip
    heard = []
    track = track_source(f"sam2:{folder}").track(frames, mask, None, on_progress=lambda *said: heard.append(said))
    assert track.num_frames == FRAMES and track.resting[0] and heard[-1] == ("object", 1.0)
    assert ((track.visibility >= 0) & (track.visibility <= 1)).all()
    from transformers import Sam2VideoInferenceSession, Sam2VideoModel

    # the plain way: all frames at once, the library's own loop
    tracker, model = SamVideoTracker(folder), Sam2VideoModel.from_pretrained(folder).eval()
    video = torch.cat([tracker._pixel_values(frame, SIDE) for frame in frames])
    session = Sam2VideoInferenceSession(video, *SIZE_PX, dtype=torch.float32)
    small = torch.nn.functional.interpolate(
        torch.tensor(mask)[None, None].float(), (SIDE, SIDE), antialias=True, mode="bilinear"
    )
    session.add_mask_inputs(session.obj_id_to_idx(1), 0, (small >= 0.5).float())
    session.obj_with_new_inputs = [1]
    with torch.inference_mode():
        plain = list(model.propagate_in_video_iterator(session, start_frame_idx=0))
    for t, found in enumerate(plain):
        logits = torch.nn.functional.interpolate(found.pred_masks, SIZE_PX, mode="bilinear")[0, 0].numpy()
        if t in track.outlines:
            assert np.array_equal(track.mask_at(t), logits > 0)
    assert track.outlines


@pytest.mark.parametrize(
    "spoil, words",
    [
        (lambda f: (f / "config.json").unlink(), "config.json"),
        (
            lambda f: (f / "config.json").write_text(json.dumps({"model_type": "sam2"})),
            "type 'sam2', expected sam2_video",
        ),
        (lambda f: (f / "preprocessor_config.json").write_text("{}"), "image_mean"),
        (lambda f: (f / "model.safetensors").unlink(), "no weights"),
        (lambda f: (f / "model.safetensors").write_bytes(b"12345678" * 4), "cannot read"),
    ],
)
def test_what_is_no_such_model_is_named(folder, clip, tmp_path, spoil, words):
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    spoil(tmp_path)
    with pytest.raises(LiftError, match=f"MODEL_MISSING.*{words}"):
        track_source(f"sam2:{tmp_path}").track(*clip, None)
