"""The plan bundle: a plan as a folder, written under a temporary name and renamed when whole."""

import json
import os
import secrets
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np

from hoi_motion.errors import shown
from hoi_motion.physics.report import Verdict
from hoi_motion.progress import CancelToken, OnProgress, silent
from hoi_motion.reading.text import read_json
from tavid_planner.errors import ErrorCode, InputError
from tavid_planner.plan import InteractionPlan

SCHEMA_VERSION = 1
VERDICT_CODES = {
    Verdict.PASS: ErrorCode.NONE,
    Verdict.FAIL: ErrorCode.CHECK_FAILED,
    Verdict.NOT_RUN: ErrorCode.CHECK_NOT_RUN,
}


def check_output_folder(folder) -> Path:
    """Whether a bundle can be written there; asked before any work starts.

    Returns:
        The absolute path of the bundle-to-be.

    Raises:
        InputError: OUTPUT_INVALID when the path exists, or no folder can be made there.
    """
    folder = Path(os.path.abspath(folder))
    if os.path.lexists(folder):
        what = "exists" if not folder.is_dir() else "exists and is not empty" if any(folder.iterdir()) else "exists"
        raise InputError(
            ErrorCode.OUTPUT_INVALID, f"output folder {folder} {what}", "name a folder that does not exist yet"
        )
    ancestor = next(p for p in folder.parents if os.path.lexists(p))
    try:
        os.rmdir(tempfile.mkdtemp(prefix=".tavid-", dir=ancestor))
    except OSError as error:
        raise _unwritable(folder, error) from error
    return folder


def save_plan(
    plan: InteractionPlan, folder, on_progress: OnProgress = silent, cancel: CancelToken | None = None
) -> Path:
    """Write the bundle: the whole folder or nothing.

    Returns:
        The absolute path of the folder.

    Raises:
        InputError: OUTPUT_INVALID when the path exists or cannot be written.
        ControlError: CANCELLED; nothing is left behind.
    """
    folder = check_output_folder(folder)
    cancel = cancel or CancelToken()
    partial = folder.with_name(f".{folder.name}.partial-{os.getpid()}-{secrets.token_hex(4)}")
    start = time.perf_counter()
    try:
        partial.mkdir(parents=True)
        _write_files(plan, partial, on_progress, cancel)
        timings = plan.timings_s | {"save": round(time.perf_counter() - start, 3)}
        _write_json(partial / "plan.json", plan_to_dict(plan, timings, sorted(p.name for p in partial.iterdir())))
        cancel.raise_if_cancelled()
        if os.path.lexists(folder):
            raise InputError(ErrorCode.OUTPUT_INVALID, f"output folder {folder} appeared while the plan was made")
        os.rename(partial, folder)
    except OSError as error:
        raise _unwritable(folder, error) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    on_progress("save", 1.0)
    return folder


def load_plan_json(folder) -> dict:
    """The plan.json of a bundle.

    Raises:
        InputError: FILE_INVALID when it is missing, damaged or of another schema.
    """
    path = Path(folder) / "plan.json"
    data = read_json(path, "the list of a plan bundle", hint="tavid-plan writes such folders")
    if data.get("schema") != SCHEMA_VERSION:
        raise InputError(
            ErrorCode.FILE_INVALID,
            f"{path} has plan schema {shown(data.get('schema'))}, this version reads {SCHEMA_VERSION}",
            "tavid-plan writes such folders",
        )
    return data


def plan_to_dict(plan: InteractionPlan, timings_s: dict[str, float], files: list[str]) -> dict:
    """What stands in plan.json."""
    request = plan.request
    height, width = request.size_px
    return {
        "schema": SCHEMA_VERSION,
        "verdict": str(plan.verdict),
        "error_code": int(VERDICT_CODES[plan.verdict]),
        "error_name": VERDICT_CODES[plan.verdict].name,
        "reasons": list(plan.report.reasons),
        "request": {
            "instruction": request.instruction,
            "prompt": request.prompt,
            "sentence_appended": request.sentence_appended,
            "seed": int(request.seed),
            "samples": int(request.samples),
            "width_px": width,
            "height_px": height,
            "target_mask_px": int(request.target_mask.sum()),
            "actor_mask_px": None if request.actor_mask is None else int(request.actor_mask.sum()),
            "intrinsics": None if request.intrinsics is None else np.asarray(request.intrinsics).tolist(),
            "depth_given": request.depth_m is not None,
        },
        "samples": [
            {
                "seed": s.seed,
                "verdict": str(s.verdict),
                "touches_target": s.touches_target,
                "target_alignment": s.target_alignment,
                "margin": s.margin,
                "failed_checks": list(s.failed_checks),
                "error": s.error,
            }
            for s in plan.samples
        ],
        "timings_s": timings_s,
        "provenance": plan.provenance,
        "files": sorted({*files, "plan.json"}),
    }


def _write_files(plan: InteractionPlan, folder: Path, on_progress: OnProgress, cancel: CancelToken) -> None:
    from hoi_motion.io import write_glb
    from tavid_planner import media
    from tavid_planner.report import write_report

    video, motion, mask = plan.video, plan.motion, plan.request.target_mask

    def write_attention() -> None:
        picture = media.attention_picture(video, mask)
        if picture is not None:
            media.write_png(folder / "attention.png", picture)

    steps = (
        lambda: motion.save(folder / "motion.npz"),
        lambda: plan.report.save(folder / "physics.json"),
        lambda: media.write_png(folder / "first.png", plan.request.rgb),
        lambda: media.write_png(folder / "mask.png", mask.astype(np.uint8) * 255),
        write_attention,
        lambda: media.write_mp4(folder / "video.mp4", video.frames, video.fps),
        lambda: media.write_mp4(folder / "overlay.mp4", media.overlay_frames(video, motion, mask), video.fps),
        lambda: write_glb(motion, folder / "motion.glb"),
        lambda: write_report(plan, folder),
    )
    for k, step in enumerate(steps):
        cancel.raise_if_cancelled()
        on_progress("save", k / len(steps))
        step()


def _write_json(path: Path, data: dict) -> None:
    path.write_text(json.dumps(data, indent=2, default=_plain) + "\n")


def _plain(value):
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    return str(value)


def _unwritable(folder: Path, error: OSError) -> InputError:
    return InputError(
        ErrorCode.OUTPUT_INVALID,
        f"cannot write output folder {folder}: {error.strerror or error}",
        "name another place, or free space there",
    )
