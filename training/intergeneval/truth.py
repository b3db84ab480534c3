"""The right answers about a scene's own clip, from its 3D, and what to ask about it: what happens and what does not."""

from dataclasses import dataclass, replace

import numpy as np

from training.intergeneval.evidence import hands_m, people_of, scene_evidence, things_of, true_contact
from training.intergeneval.geometric import answers_from, hand_distance, hand_travel
from training.intergeneval.judged_clip import JudgedClip
from training.intergeneval.questions import Interaction
from training.scenes.reach import VERBS
from training.scenes.scene import SceneSample

RAISED_M = 0.05
SHIFTED_M = 0.03
FEWEST_FRAMES = 4  # of a clip that is cut before the touch


@dataclass(frozen=True)
class Asked:
    """A clip, an interaction to ask about, and the right answers (10,) bool; case: how it relates to what happens."""

    clip: JudgedClip
    interaction: Interaction
    right: np.ndarray
    case: str


def interactions_of(scene: SceneSample) -> list[Interaction]:
    """What happens in a scene, in its caption's words."""
    words = {scene.doings[0].subject_id: scene.triplet[0]}
    made = []
    for doing in scene.doings:
        subject = words.get(doing.subject_id, "other person")
        noun = scene.id_names[doing.object_id]
        recipient = doing.recipient_id
        made.append(Interaction(subject, doing.verb, noun, doing.subject_id, doing.object_id, recipient))
    return made


def asked_of(scene: SceneSample) -> list[Asked]:
    """Each interaction of a scene as it is, by another person, with another thing, with another verb, and cut short."""
    clip = JudgedClip(scene.frames, scene.instance_ids[0], scene.fps, scene_evidence(scene))
    asked = []
    for doing, real in zip(scene.doings, interactions_of(scene)):
        cases = {"as it is": real}
        others = [person for person in people_of(scene) if person != real.subject_id]
        things = [thing for thing in things_of(scene) if thing != real.other_id]
        if others and real.recipient_id is None:
            cases["another person"] = replace(real, subject="other person", subject_id=others[0])
        if things:
            cases["another thing"] = replace(real, other=scene.id_names[things[0]], other_id=things[0])
        if real.recipient_id is None:
            verbs = list(VERBS)
            cases["another verb"] = replace(real, verb=verbs[(verbs.index(real.verb) + 1) % len(verbs)])
        asked += [Asked(clip, i, true_answers(scene, i, len(scene.frames)), case) for case, i in cases.items()]
        end = int(np.argmax(doing.touching))
        if end >= FEWEST_FRAMES:
            short = JudgedClip(scene.frames[:end], clip.ids, clip.fps, clip.evidence.until(end))
            asked.append(Asked(short, real, true_answers(scene, real, end), "cut short"))
    return asked


def true_answers(scene: SceneSample, interaction: Interaction, end: int) -> np.ndarray:  # (10,) bool
    """From poses and contacts in 3D, of the first `end` frames."""
    contact = {pair: value[:end] for pair, value in true_contact(scene).items()}
    subject, other = interaction.subject_id, interaction.other_id
    places = dict(zip(things_of(scene), (o.T_world_object[:end, :3, 3] for o in scene.motion.objects)))
    heights = dict(zip(things_of(scene), (np.ptp(o.vertices_m[:, 2]) for o in scene.motion.objects)))
    hands = hands_m(people_of(scene)[subject])[:end]
    middle = places[other] + [0, 0, heights[other] / 2]
    return answers_from(
        contact[subject, other],
        {person: c for (person, thing), c in contact.items() if thing == other and person != subject},
        [c for (person, thing), c in contact.items() if person == subject and thing != other],
        hand_distance(hands, middle[:, None]),
        hand_travel(hands),
        _outcome(interaction, contact, places[other]),
    )


def _outcome(interaction: Interaction, contact: dict, place: np.ndarray) -> bool:
    touch = contact[interaction.subject_id, interaction.other_id]
    if interaction.recipient_id is not None:
        gets = contact[interaction.recipient_id, interaction.other_id]
        return bool(touch.any() and gets[-1] and not touch[-1])
    shift = place[-1] - place[0]
    raised, shifted = shift[2] > RAISED_M, np.linalg.norm(shift[:2]) > SHIFTED_M
    result = {"picks up": raised, "slides": shifted and not raised}.get(interaction.verb, not (shifted or raised))
    return bool(touch[-1] and result)
