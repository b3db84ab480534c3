"""ViTPose as a keypoint source, on tiny models saved in transformers' format."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from hoi_motion.errors import ErrorCode, LiftError
from hoi_motion.keypoints import track as kp
from hoi_motion.keypoints.actor import crop_around
from hoi_motion.keypoints.sources import keypoint_source
from hoi_motion.keypoints.vitpose import VitPoseKeypoints, _load, _points_px
from hoi_motion.media.image_files import read_image

ROWS = 8
COLUMNS = 6
PATCH = 16
SIZE_PX = (120, 160)
DEMO_FRAME = Path(__file__).resolve().parents[3] / "config" / "demo" / "frame.png"
# row and column of the patch in which the planted person has each of COCO's keypoints
PLANTED = [
    (1, 2),
    (1, 3),
    (1, 2),
    (1, 4),
    (1, 1),
    (2, 4),
    (2, 1),
    (3, 4),
    (3, 1),
    (4, 4),
    (4, 1),
    (5, 3),
    (5, 2),
    (6, 3),
    (6, 2),
    (6, 4),
    (6, 1),
]


def tiny(num_labels: int = 17, num_experts: int = 1):
    from transformers import VitPoseBackboneConfig, VitPoseConfig, VitPoseForPoseEstimation

    torch.manual_seed(0)
    backbone = VitPoseBackboneConfig(
        image_size=[ROWS * PATCH, COLUMNS * PATCH],
        patch_size=[PATCH, PATCH],
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_experts=num_experts,
        part_features=8,
        out_indices=[1],
    )
    return VitPoseForPoseEstimation(VitPoseConfig(backbone_config=backbone, num_labels=num_labels)).eval()


def saved(model, folder):
    from transformers.models.vitpose.image_processing_pil_vitpose import VitPoseImageProcessorPil

    model.save_pretrained(folder)
    VitPoseImageProcessorPil(size={"height": ROWS * PATCH, "width": COLUMNS * PATCH}).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def random_folder(tmp_path_factory):
    """A random model that is sure of everything."""
    model = tiny()
    torch.nn.init.constant_(model.head.conv.bias, 0.9)
    return saved(model, tmp_path_factory.mktemp("random"))


@pytest.fixture(scope="module")
def planted_folder(tmp_path_factory):
    """A model that finds every keypoint in its patch of PLANTED, whatever it sees."""
    model = tiny()
    with torch.no_grad():
        for name, weights in model.named_parameters():
            if "norm" not in name:
                weights.zero_()
        for k, (row, column) in enumerate(PLANTED):
            model.backbone.embeddings.position_embeddings[0, 1 + row * COLUMNS + column, k] = 1.0
            model.head.conv.weight[k, k, 1, 1] = 0.18
    return saved(model, tmp_path_factory.mktemp("planted"))


@pytest.fixture
def frame():
    return np.random.default_rng(0).integers(0, 255, (*SIZE_PX, 3), np.uint8)


def test_keypoints_lie_in_the_video_where_the_model_saw_them(planted_folder, frame):
    mask = np.zeros(SIZE_PX, bool)
    mask[20:100, 60:100] = True
    track = keypoint_source(f"vitpose:{planted_folder}").detect(np.stack([frame] * 3), actor_mask=mask)
    assert track.seen.all() and not track.left_hand_px.any()
    # the actor is 80 pixels tall, the picture of the model 1.6 times as large and 3:4
    side = 1.6 * 80
    for landmark, coco in [(kp.L_SHOULDER, 5), (kp.R_WRIST, 10), (kp.L_KNEE, 13), (kp.R_ANKLE, 16)]:
        row, column = PLANTED[coco]
        x, y = (column + 0.5) / COLUMNS - 0.5, (row + 0.5) / ROWS - 0.5
        place = [80 + 0.75 * side * x, 60 + side * y]
        np.testing.assert_allclose(track.body_px[0, landmark, :2], place, atol=0.03 * side)
        assert 0.5 < track.body_px[0, landmark, 2] <= 1


def test_keypoints_move_with_the_picture(random_folder, frame):
    model, processor = _load(random_folder)
    box = np.array([40, 30, 90, 90])
    here = _points_px(model, processor, frame, crop_around(box, 512))
    moved = np.roll(frame, (7, 11), axis=(0, 1))
    there = _points_px(model, processor, moved, crop_around(box + [11, 7, 11, 7], 512))
    np.testing.assert_allclose(there - here, np.broadcast_to([11, 7, 0], here.shape), atol=0.02)


def test_the_second_view_is_that_of_the_mirrored_picture(random_folder, frame):
    model, processor = _load(random_folder)
    crop = crop_around([45, 20, 95, 100], 512)
    other = crop_around([159 - 95, 20, 159 - 45, 100], 512)
    mirrored = _points_px(model, processor, np.ascontiguousarray(frame[:, ::-1]), other)[0]
    mirrored[:, 0] = 159 - mirrored[:, 0]
    # the refinement within a cell of the heatmap, 4 pixels here, is not quite symmetric
    np.testing.assert_allclose(_points_px(model, processor, frame, crop)[1], mirrored, atol=1.5)


def test_a_whole_body_of_experts_has_hands(tmp_path, frame):
    model = tiny(133, num_experts=6)
    torch.nn.init.constant_(model.head.conv.bias, 0.9)
    folder = saved(model, tmp_path)
    assert _points_px(*_load(folder), frame, crop_around([40, 20, 90, 100], 512)).shape == (2, 133, 3)


def test_progress_only_grows_where_the_person_comes_in_late(planted_folder):
    there, heard = read_image(DEMO_FRAME), []
    VitPoseKeypoints(planted_folder).detect(
        np.stack([np.full_like(there, 128), there, there]), on_progress=lambda stage, done: heard.append(done)
    )
    assert heard == sorted(heard) and heard[-1] == 1.0


def test_a_model_that_sees_nobody_says_so(tmp_path, frame):
    mask = np.ones(SIZE_PX, bool)
    mask[:20] = False
    model = tiny()
    torch.nn.init.constant_(model.head.conv.weight, 1e-3)
    with pytest.raises(LiftError) as caught:
        VitPoseKeypoints(saved(model, tmp_path)).detect(np.stack([frame] * 2), actor_mask=mask)
    assert caught.value.code == ErrorCode.NO_ACTOR


def _no_weights(folder):
    (folder / "model.safetensors").unlink()


def _another_model(folder):
    (folder / "config.json").write_text(json.dumps({"model_type": "bert"}))


def _cut_off(folder):
    content = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(content[: len(content) // 2])


def _a_layer_short(folder):
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    save_file({name: value for name, value in weights.items() if "head" not in name}, folder / "model.safetensors")


def _no_processor(folder):
    (folder / "preprocessor_config.json").unlink()


def _changed(folder, name, change):
    file = folder / name
    file.write_text(json.dumps(change(json.loads(file.read_text()))))


def _no_number_of_experts(folder):
    _changed(folder, "config.json", lambda c: c | {"backbone_config": c["backbone_config"] | {"num_experts": "x"}})


def _no_heads(folder):
    _changed(
        folder, "config.json", lambda c: c | {"backbone_config": c["backbone_config"] | {"num_attention_heads": 0}}
    )


def _grey_pictures(folder):
    _changed(folder, "preprocessor_config.json", lambda c: c | {"image_mean": [0.5]})


def _pictures_of_no_size(folder):
    _changed(folder, "preprocessor_config.json", lambda c: c | {"size": None})


def _pictures_as_they_come(folder):
    _changed(folder, "preprocessor_config.json", lambda c: c | {"do_affine_transform": False})


DAMAGES = [
    _no_weights,
    _another_model,
    _cut_off,
    _a_layer_short,
    _no_processor,
    _no_number_of_experts,
    _no_heads,
    _grey_pictures,
    _pictures_of_no_size,
    _pictures_as_they_come,
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_folder_without_a_usable_model_is_named(tmp_path, frame, damage):
    damage(saved(tiny(), tmp_path))
    with pytest.raises(LiftError) as caught:
        VitPoseKeypoints(tmp_path).detect(frame[None], actor_mask=np.eye(*SIZE_PX, dtype=bool))
    assert caught.value.code == ErrorCode.MODEL_MISSING and str(tmp_path) in str(caught.value)


def test_weights_that_change_under_the_same_name_are_read_anew(tmp_path):
    model = tiny()
    before, _ = _load(saved(model, tmp_path))
    torch.nn.init.constant_(model.head.conv.bias, 0.5)
    after, _ = _load(saved(model, tmp_path))
    assert before.head.conv.bias.max() == 0 and after.head.conv.bias.min() == 0.5


def test_a_model_of_other_keypoints_is_named(tmp_path, frame):
    with pytest.raises(LiftError, match="21 keypoints"):
        VitPoseKeypoints(saved(tiny(21), tmp_path)).detect(frame[None], actor_mask=np.eye(*SIZE_PX, dtype=bool))
