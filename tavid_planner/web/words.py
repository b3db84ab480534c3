"""The page's texts as HTML, with everything from outside escaped."""

from html import escape

from hoi_motion.physics.report import PhysicsReport, Verdict
from hoi_motion.segment import SegmentedMask
from tavid_planner.errors import TavidError
from tavid_planner.planner import STAGES
from tavid_planner.report import VERDICT_WORDS, rounded
from tavid_planner.request import TARGET_TOKEN

COLOURS = {Verdict.PASS: "#14783c", Verdict.FAIL: "#af231e", Verdict.NOT_RUN: "#786420"}
STAGE_WORDS = {
    "load": "load the models",
    "video": "generate the video",
    "lift": "lift it to 3D",
    "check": "check the physics",
    "robot": "carry it out with the robot",
    "save": "write the bundle",
}


def error_words(error: TavidError) -> str:
    hint = f" {_sentence(error.hint)}" if error.hint else ""
    return _box("error", "#af231e", f"<b>{_sentence(error.message)}</b>{hint}")


def found_words(what: str, found: SegmentedMask) -> str:
    share = 100 * found.mask.mean()
    text = f"<b>The {escape(what)} is marked</b> ({share:.1f}% of the picture)."
    for doubt in found.doubts:
        text += f"<br>Look twice: {escape(doubt.message)}."
    if found.doubts:
        text += " Click another part of it, or draw strokes on it."
    return _box("doubt" if found.doubts else "found", "#786420" if found.doubts else "#14783c", text)


def instruction_hint(instruction: str) -> str:
    """Advice on the instruction while it is being typed."""
    if TARGET_TOKEN in instruction:
        return f"<small>{TARGET_TOKEN} stands before the word for the marked object. Good.</small>"
    return (
        f"<small>Put {TARGET_TOKEN} before the word for the marked object: <i>picks up the {TARGET_TOKEN} mug</i>. "
        "Without it, a sentence naming the target is appended.</small>"
    )


def progress_words(done: dict[str, float], place: int) -> str:
    """Progress bars of the stages.

    Args:
        done: stage -> fraction; place: number of plans ahead of this one, 0 while it is being made.
    """
    if place > 0:
        before = "one plan is" if place == 1 else f"{place} plans are"
        return _box("wait", "#46506e", f"<b>You are number {place} in the queue</b>: {before} made before yours.")
    # without a robot there is no such stage
    stages = [stage for stage in (*STAGES, "save") if stage != "robot" or stage in done]
    begun = max((stages.index(stage) for stage in done if stage in stages), default=0)
    # a stage without work (models already loaded) is not shown
    shares = {stage: 1.0 if k < begun else done.get(stage, 0.0) for k, stage in enumerate(stages)}
    rows = "".join(
        f'<div style="display:flex;gap:8px;align-items:center"><span style="width:11em">{STAGE_WORDS[stage]}</span>'
        f'<progress max="1" value="{share:.2f}" style="flex:1"></progress>'
        f'<span style="width:3em;text-align:right">{100 * share:.0f}%</span></div>'
        for stage, share in shares.items()
    )
    return _box("progress", "#46506e", rows)


def verdict_words(report: PhysicsReport, reasons: tuple[str, ...], seconds: float) -> str:
    verdict = report.verdict
    items = "".join(f"<li>{escape(reason)}</li>" for reason in reasons)
    return _box(
        "verdict",
        COLOURS[verdict],
        f"<b>{verdict}</b>: {escape(VERDICT_WORDS[verdict])}.<ul>{items}</ul><small>made in {seconds:.0f} s</small>",
    )


def checks_table(report: PhysicsReport) -> str:
    rows = "".join(
        f'<tr><td>{escape(c.name)}</td><td style="color:{COLOURS[c.verdict]}">{c.verdict}</td>'
        f"<td>{rounded(c.value, c.limit)}</td><td>{rounded(c.limit, c.limit)}</td><td>{escape(c.unit)}</td>"
        f"<td>{escape(c.reason)}</td></tr>"
        for c in report.checks
    )
    head = "".join(f"<th>{name}</th>" for name in ("check", "verdict", "value", "limit", "unit", "in words"))
    return f'<table id="checks"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'


def _sentence(text: str) -> str:
    return escape(f"{text[:1].upper()}{text[1:]}.")


def _box(kind: str, colour: str, inner: str) -> str:
    return f'<div class="{kind}" style="border-left:4px solid {colour};padding:6px 12px">{inner}</div>'
