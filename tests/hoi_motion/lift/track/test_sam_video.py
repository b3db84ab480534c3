"""SAM 2 and EdgeTAM for video from a folder: random tiny models in exactly the format of the large ones."""

import json
import os

import numpy as np
import pytest

from hoi_motion.errors import LiftError
from hoi_motion.keypoints.track import KeypointTrack
from hoi_motion.lift.track.sam_video import SamVideoTracker, _load
from hoi_motion.lift.track.sources import track_source
from tests.hoi_motion.tiny_sam2 import SIDE, write_tiny_edgetam_video, write_tiny_sam2_video

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
FRAMES = 5
NOBODY = KeypointTrack.unseen(FRAMES)
SIZE_PX = (48, 96)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_tiny_sam2_video(tmp_path_factory.mktemp("sam2"))


@pytest.fixture(scope="module")
def clip():
    """A bright square that moves right, and its mask in the first frame."""
    frames = np.full((FRAMES, *SIZE_PX, 3), 40, np.uint8)
    mask = np.zeros(SIZE_PX, bool)
    mask[16:32, 16:32] = True
    for t in range(FRAMES):
        frames[t][np.roll(mask, 8 * t, 1)] = 220
    return frames, mask


@pytest.mark.parametrize(
    "write, model_class, session_class",
    [
        (write_tiny_sam2_video, "Sam2VideoModel", "Sam2VideoInferenceSession"),
        (write_tiny_edgetam_video, "EdgeTamVideoModel", "EdgeTamVideoInferenceSession"),
    ],
)
def test_masks_of_every_frame_become_a_track_and_are_the_library_s_own(
    write, model_class, session_class, clip, tmp_path
):
    frames, mask = clip
    folder = write(tmp_path)
    heard = []
    track = track_source(f"sam2:{folder}").track(frames, mask, NOBODY, on_progress=lambda *said: heard.append(said))
    assert track.num_frames == FRAMES and track.resting[0] and heard[-1] == ("object", 1.0)
    assert ((track.visibility >= 0) & (track.visibility <= 1)).all()
    # the plain way: all frames at once, the library's own loop
    tracker, model = SamVideoTracker(folder), getattr(transformers, model_class).from_pretrained(folder).eval()
    video = torch.cat([tracker._pixel_values(frame, SIDE) for frame in frames])
    session = getattr(transformers, session_class)(video, *SIZE_PX, dtype=torch.float32)
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


def test_a_folder_whose_files_change_is_read_anew(tmp_path):
    write_tiny_sam2_video(tmp_path)
    first = _load(tmp_path, "sam2_video")
    assert _load(tmp_path, "sam2_video") is first
    os.utime(tmp_path / "model.safetensors", ns=(1, 1))
    assert _load(tmp_path, "sam2_video") is not first


def _with(file, **changes):
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


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
        (lambda f: (f / "model.safetensors").write_bytes(b"12345678" * 4), "not a readable"),
        (lambda f: _with(f / "preprocessor_config.json", image_mean=[0.5] * 4), "cannot reshape"),
        (lambda f: _with(f / "preprocessor_config.json", image_std=[0.2, 0.0, 0.2]), "image_std"),
        (lambda f: _with(f / "config.json", vision_config=7), "not a readable"),
    ],
)
def test_what_is_no_such_model_is_named(folder, clip, tmp_path, spoil, words):
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    spoil(tmp_path)
    with pytest.raises(LiftError, match=f"MODEL_MISSING.*{words}"):
        track_source(f"sam2:{tmp_path}").track(*clip, NOBODY)
