import numpy as np
import PIL.Image
import pytest
import torch

from tavid_planner.errors import ErrorCode, InputError
from tavid_planner.video.conditioning import Conditioning
from tavid_planner.video.inputs import checked_coverage, checked_image, checked_masks


def clear_palette(mask):
    """Black numbers on transparent ones, as a file of a palette with a transparent entry is opened."""
    picture = PIL.Image.fromarray(mask.astype(np.uint8), "P")
    picture.putpalette([255, 255, 255, 0, 0, 0])
    picture.info["transparency"] = 0
    return picture


@pytest.mark.parametrize("kind", ["bool", "255", "rgb", "cut out", "clear palette", "La", "tensor", "pil1"])
def test_masks_of_every_kind_mean_the_same(scene, kind):
    mask = scene[1]
    given = {
        "bool": mask,
        "255": mask.astype(np.uint8) * 255,
        "rgb": PIL.Image.fromarray(mask.astype(np.uint8) * 255).convert("RGB"),
        "cut out": PIL.Image.fromarray(mask[..., None] * np.uint8([0, 0, 0, 255])),
        "clear palette": clear_palette(mask),
        "La": PIL.Image.fromarray(mask.astype(np.uint8)[..., None] * np.uint8([255, 255]), "LA").convert("La"),
        "tensor": torch.from_numpy(mask)[None, None].float(),
        "pil1": PIL.Image.fromarray(mask),
    }[kind]
    coverage = checked_coverage(given, [mask.shape])
    assert coverage.shape == (1, 1, *mask.shape)
    assert np.array_equal(coverage[0, 0].numpy(), mask.astype(np.float32))


def test_coloured_and_multi_valued_masks_are_refused(scene):
    labels = scene[1].astype(np.uint8) * 2 + np.eye(*scene[1].shape, dtype=np.uint8)
    colour = np.stack([labels * 255, labels, labels], axis=-1)
    beside = np.dstack([scene[1]] * 3 + [np.roll(scene[1], 5, axis=1)]).astype(np.uint8) * 255  # as its alpha says
    for mask in (labels, PIL.Image.fromarray(beside), PIL.Image.fromarray(colour), colour, labels * np.float32(2)):
        with pytest.raises(InputError) as error:
            checked_coverage(mask, [scene[1].shape])
        assert error.value.code is ErrorCode.MASK_INVALID


@pytest.mark.parametrize("value", [np.nan, -0.1, 1.5])
def test_float_masks_outside_0_to_1_are_refused(scene, value):
    mask = scene[1] * 0.5
    mask[0, 0] = value
    with pytest.raises(InputError) as error:
        checked_coverage(mask, [scene[1].shape])
    assert error.value.code is ErrorCode.MASK_INVALID


def test_soft_coverage_is_kept(scene):
    soft = scene[1] * np.float32(0.25)
    assert np.array_equal(checked_coverage(soft, [soft.shape])[0, 0].numpy(), soft)


def test_images_become_rgb(scene):
    for image in (scene[0], PIL.Image.fromarray(scene[0]).convert("RGBA"), PIL.Image.fromarray(scene[0]).convert("L")):
        assert checked_image(image).mode == "RGB"


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((4, 4, 3)),
        torch.zeros(3, 4, 4, dtype=torch.uint8),
        *(torch.full((3, 4, 4), value) for value in (2.0, -1.0, -1e-3, float("nan"))),
        None,
    ],
)
def test_other_images_are_refused(image):
    with pytest.raises(InputError) as error:
        checked_image(image)
    assert error.value.code is ErrorCode.IMAGE_INVALID


def test_one_mask_is_no_list_of_instances(scene):
    mask = scene[1].astype(np.uint8)
    assert checked_masks([mask], [mask.shape], Conditioning("id_map")).shape == (1, 1, *mask.shape)
    for one in (PIL.Image.fromarray(mask * 255), mask, torch.from_numpy(mask), 7):
        with pytest.raises(InputError, match="MASK_INVALID.*list of masks"):
            checked_masks(one, [mask.shape], Conditioning("id_map"))


def test_what_is_no_picture_at_all_is_refused():
    with pytest.raises(InputError, match="MASK_INVALID.*no array"):
        checked_coverage([[0], [0, 1]], [(2, 2)])
    for image in (np.zeros((0, 4, 3), np.uint8), torch.zeros(3, 0, 4), PIL.Image.new("RGB", (4, 0))):
        with pytest.raises(InputError, match="IMAGE_INVALID"):
            checked_image(image)
