"""Selects the bundles that are good training examples."""

from dataclasses import dataclass
from pathlib import Path

from tavid_planner.bundle import load_plan_json
from tavid_planner.dataset.episode import doer_of, why_not
from tavid_planner.errors import ErrorCode, InputError

HINT = "give what tavid-plan batch wrote to --out, or a folder with plan bundles in it"


@dataclass(frozen=True)
class Selection:
    """The plans that make a dataset.

    Attributes:
        bundles: good plans, by name; left_out: name of a bundle -> why it was left out.
        doer: the robot of all of them, or "person".
    """

    bundles: tuple[Path, ...]
    left_out: dict[str, str]
    doer: str


def select_plans(folder, robot: str = "") -> Selection:
    """The bundles in a folder, or in the folder `plans` of a batch, of which `why_not` has nothing to say.

    Args:
        robot: only plans of this robot, or of "person"; "" if all plans are of one kind.

    Raises:
        InputError: FILE_INVALID for no folder or no good plan in it; CONFIG_INVALID when they are of several robots.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(ErrorCode.FILE_INVALID, f"no folder {folder}", HINT)
    folder = folder / "plans" if (folder / "plans").is_dir() else folder
    good, left_out, doers, others = [], {}, {}, set()
    # a hidden folder is a bundle that is being written, or that a killed process has left
    for path in sorted(folder.glob("[!.]*/plan.json")):
        bundle = path.parent
        try:
            plan = load_plan_json(bundle)
            reason, doer = why_not(plan), doer_of(plan)
        except (InputError, KeyError, TypeError) as error:  # a damaged bundle is left out, not an error
            left_out[bundle.name] = f"it cannot be read: {error}"
            continue
        if robot and doer != robot:
            reason = f"it is a plan of {doer}"
            others.add(bundle.name)
        if reason:
            left_out[bundle.name] = reason
        else:
            good.append(bundle)
            doers[doer] = doers.get(doer, 0) + 1
    if not good:
        told = sorted(left_out.items(), key=lambda item: item[0] in others)  # what is of the named robot first
        why = "; ".join(f"{name}: {reason}" for name, reason in told[:3])
        raise InputError(
            ErrorCode.FILE_INVALID, f"{folder} holds no good plan{f' ({why})' if why else ''}", "" if why else HINT
        )
    if len(doers) > 1:
        named = ", ".join(f"{name} ({count})" for name, count in doers.items())
        raise InputError(ErrorCode.CONFIG_INVALID, f"the plans are of {named}", "choose one with --robot")
    return Selection(tuple(good), left_out, next(iter(doers)))
