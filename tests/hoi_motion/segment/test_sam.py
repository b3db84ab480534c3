"""SAM and SAM 2 from a folder: random tiny models in exactly the format of the large ones."""

import json

import numpy as np
import pytest

from hoi_motion.errors import ErrorCode, LiftError
from hoi_motion.segment import MaskPrompt, segment
from hoi_motion.segment.sam import SegmentAnything
from tests.hoi_motion.segment.pictures import SIZE_PX, picture, region
from tests.hoi_motion.tiny_sam2 import PIXELS, SIDE, tiny_sam2_vision

torch = pytest.importorskip("torch")


def tiny(kind: str):
    import transformers

    torch.manual_seed(0)
    prompt = dict(hidden_size=16, image_size=SIDE, patch_size=16, mask_input_channels=4)
    decoder = dict(hidden_size=16, mlp_dim=16, num_hidden_layers=1, num_attention_heads=2, iou_head_hidden_dim=16)
    if kind == "sam":
        vision = dict(hidden_size=16, output_channels=16, num_hidden_layers=1, num_attention_heads=2)
        vision |= dict(image_size=SIDE, patch_size=16, window_size=2, num_pos_feats=8, mlp_dim=16)
        config = transformers.SamConfig(vision_config=vision, prompt_encoder_config=prompt, mask_decoder_config=decoder)
        return transformers.SamModel(config)
    vision = tiny_sam2_vision(16)
    return transformers.Sam2Model(
        transformers.Sam2Config(vision_config=vision, prompt_encoder_config=prompt, mask_decoder_config=decoder)
    )


@pytest.fixture(scope="module", params=["sam", "sam2"])
def folder(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    model = tiny(request.param).eval()
    with torch.no_grad():  # a random model is as likely to find nothing
        for layer in model.mask_decoder.output_hypernetworks_mlps:
            layer.proj_out.bias.fill_(0.3)
    model.save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(PIXELS))
    return folder


PROMPTS = [
    MaskPrompt(click_px=(90, 60)),
    MaskPrompt(box_px=(70, 40, 110, 80)),
    MaskPrompt((90, 60), (70, 40, 110, 80), region((80, 55, 100, 56))),
]


@pytest.mark.parametrize("prompt", PROMPTS, ids=["click", "box", "all"])
def test_every_kind_of_mark_gives_a_mask_in_the_pictures_pixels_and_the_same_one_again(folder, prompt):
    rgb = picture(((80, 50, 99, 75), (200, 40, 40)))
    first, second = (segment(rgb, prompt, f"sam:{folder}") for _ in range(2))
    assert first.mask.shape == SIZE_PX and first.mask.any() and (first.mask == second.mask).all()
    assert folder.name in first.source


def test_the_answer_follows_the_click(folder):
    rgb = picture(((80, 50, 99, 75), (200, 40, 40)))
    model = SegmentAnything(folder)
    seen = []
    from hoi_motion.segment.sam import _load

    network = _load(folder.resolve(), {"sam": "SamModel", "sam2": "Sam2Model"}[model.kind])
    handle = network.register_forward_pre_hook(lambda m, a, k: seen.append(k["input_points"]), with_kwargs=True)
    try:
        for click in ((0, 0), (179, 119)):
            model.segment(rgb, MaskPrompt(click_px=click).checked(SIZE_PX))
    finally:
        handle.remove()
    corner = np.array([SIDE, SIDE * (120 / 180 if model.kind == "sam" else 1)])
    assert np.allclose(seen[0][0, 0, 0], 0, atol=0.4) and np.allclose(seen[1][0, 0, 0], corner, atol=0.6)


def test_weights_that_change_under_the_same_name_are_read_anew(tmp_path):
    from hoi_motion.segment.sam import _load

    model = tiny("sam")
    for bias in (0.25, 0.5):
        torch.nn.init.constant_(model.mask_decoder.output_hypernetworks_mlps[0].proj_out.bias, bias)
        model.save_pretrained(tmp_path)
        assert (_load(tmp_path, "SamModel").mask_decoder.output_hypernetworks_mlps[0].proj_out.bias == bias).all()


@pytest.mark.parametrize(
    "damage",
    ["no config", "another model", "no weights", "cut weights", "no pixels", "four channels", "no spread", "no sizes"],
    ids=lambda d: d,
)
def test_a_folder_that_holds_no_sam_is_refused_by_name(folder, damage, tmp_path):
    import shutil

    broken = tmp_path / "broken"
    shutil.copytree(folder, broken)
    weights = next(broken.glob("*.safetensors"))
    if damage == "no config":
        (broken / "config.json").unlink()
    if damage == "another model":
        (broken / "config.json").write_text('{"model_type": "bert"}')
    if damage == "no weights":
        weights.unlink()
    if damage == "cut weights":
        weights.write_bytes(weights.read_bytes()[:100])
    if damage == "no pixels":
        (broken / "preprocessor_config.json").write_text("{}")
    if damage == "four channels":
        (broken / "preprocessor_config.json").write_text(json.dumps(PIXELS | {"image_mean": [0.5] * 4}))
    if damage == "no spread":
        (broken / "preprocessor_config.json").write_text(json.dumps(PIXELS | {"image_std": [0.2, 0.0, 0.2]}))
    if damage == "no sizes":
        config = json.loads((broken / "config.json").read_text())
        (broken / "config.json").write_text(json.dumps(config | {"vision_config": 7}))
    with pytest.raises(LiftError) as error:
        segment(picture(), MaskPrompt(click_px=(90, 60)), f"sam:{broken}")
    assert error.value.code == ErrorCode.MODEL_MISSING and str(broken) in error.value.message
