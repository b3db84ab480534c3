"""Whether the right people act in a video, by the hands of the people who are marked beside the actor."""

import types

import numpy as np
import pytest

from hoi_motion.lift.config import LiftConfig
from hoi_motion.motion import Contact
from tavid_planner.instances import Instance
from tavid_planner.others import hands_over, hands_seen, right_people, who_takes
from tavid_planner.plan import InteractionVideo
from tavid_planner.planner import clip_of
from tavid_planner.request import InteractionRequest

LOW_RESOLUTION = LiftConfig(keypoints="low-resolution")


@pytest.mark.parametrize(
    "instruction",
    [
        "A woman in a white shirt hands the [TGT] yellow can to a man in a grey shirt.",
        "He gives him the [TGT] cup",
        "A man passes the [TGT] cup to Anna",
        "hands over the [TGT] box to the other man",
    ],
)
def test_giving_to_somebody_hands_over(instruction):
    assert hands_over(instruction)


@pytest.mark.parametrize(
    "instruction",
    [
        "puts both hands to the [TGT] cup",
        "The man with a cup in his hand walks to the [TGT] box",
        "picks up the [TGT] can while a woman slides the can",
        "passes the table to reach the [TGT] cup",
        "gives [TGT] a push",
    ],
)
def test_hands_that_go_somewhere_and_pushes_hand_nothing_over(instruction):
    assert not hands_over(instruction)


def _request(instruction: str, others: bool = True) -> InteractionRequest:
    masks = np.zeros((3, 40, 60), bool)
    masks[0, 20:25, 28:33] = masks[1, 5:35, 2:15] = masks[2, 5:35, 45:58] = True
    marked = [Instance("cup", "target", masks[0]), Instance("Ann", "actor", masks[1])]
    marked += [Instance("Bob", "other", masks[2])] if others else []
    return InteractionRequest.of_instances(np.full((40, 60, 3), 90, np.uint8), marked, instruction)


def _seen(*frames: int):
    return types.SimpleNamespace(contacts=[Contact("right_hand", "cup", f, f + 3) for f in frames])


@pytest.mark.parametrize(
    ("instruction", "taking", "contact_frames", "right"),
    [
        ("Ann lifts the [TGT] cup", (), (8,), True),
        ("Ann lifts the [TGT] cup", (("Bob", 1.0),), (8,), False),
        ("Ann hands the [TGT] cup to Bob", (("Bob", 1.5),), (8,), True),
        ("Ann hands the [TGT] cup to Bob", (("Bob", 0.5),), (8,), False),  # before she has it
        ("Ann hands the [TGT] cup to Bob", (), (8,), False),
        ("Ann hands the [TGT] cup to Bob", (("Bob", 0.5),), (), False),
    ],
)
def test_another_one_takes_the_target_only_from_the_hand_of_who_gives_it(instruction, taking, contact_frames, right):
    assert right_people(_request(instruction), taking, _seen(*contact_frames), fps=8.0) is right


def test_where_nobody_else_is_marked_it_is_not_known():
    assert right_people(_request("Ann lifts the [TGT] cup", others=False), (), _seen(8), 8.0) is None


def _scene_request(scene) -> tuple[InteractionRequest, InteractionVideo]:
    from training.bench.runner import marked

    request = InteractionRequest.of_instances(scene.frames[0], marked(scene), scene.caption, intrinsics=scene.K)
    return request, InteractionVideo(scene.frames, scene.fps)


@pytest.mark.parametrize("kind", ["which_actor", "hand_over"])
def test_what_others_do_is_seen_in_a_scenes_own_clip(kind):
    from training.scenes.company import generate_company_scene

    scene = generate_company_scene(900_000, 96, 144, 17, kind=kind)
    request, video = _scene_request(scene)
    clip = clip_of(request, video)
    seen, right = hands_seen(request, clip, LOW_RESOLUTION)
    taking = who_takes(request, clip, seen, LOW_RESOLUTION, None)
    assert right and [name for name, _ in taking] == ([] if kind == "which_actor" else ["companion"])


def test_the_other_clip_of_a_pair_is_not_what_was_asked_for():
    """The same first picture, in which the other person acts."""
    from training.scenes.pairs import generate_paired_scene

    asked, other = (generate_paired_scene(900_002 + i, 96, 144, 17) for i in range(2))
    request, _ = _scene_request(asked)
    video = InteractionVideo(other.frames, other.fps)
    assert hands_seen(request, clip_of(request, video), LOW_RESOLUTION)[1] is False


def test_keypoints_of_the_actor_are_nobody_elses(tmp_path):
    """A source that finds the actor whoever is asked for: here a file of their keypoints."""
    from hoi_motion.keypoints.file import write_keypoints
    from hoi_motion.keypoints.sources import keypoint_source
    from training.scenes.company import generate_company_scene

    scene = generate_company_scene(900_000, 96, 144, 17, kind="which_actor")
    request, video = _scene_request(scene)
    actor = keypoint_source("low-resolution").detect(scene.frames, actor_mask=request.actor_mask)
    write_keypoints(actor, scene.frames.shape[1:3], tmp_path / "actor.npz")
    config = LiftConfig(keypoints=str(tmp_path / "actor.npz"))
    seen, right = hands_seen(request, clip_of(request, video), config)
    assert seen.contacts and right
