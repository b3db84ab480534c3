"""report.html: one self-contained page to judge a plan by."""

import base64
import json
from html import escape
from pathlib import Path

import numpy as np

from hoi_motion.motion import HANDS, SIDE_OF_HAND
from hoi_motion.physics.report import CheckResult, Verdict
from tavid_planner.charts import Interval, Series, interval_chart, line_chart
from tavid_planner.curves import motion_curves
from tavid_planner.plan import InteractionPlan
from tavid_planner.request import TARGET_TOKEN
from tavid_planner.robot_stage import RobotPlan
from tavid_planner.viewer.view import view_html, view_style

# captions beside the plan in 3D
CLIPS = {
    "video.mp4": "as generated",
    "overlay.mp4": "with the mask, the fitted body's joints and contacts drawn in",
}
# values are rounded to this share of their limit
TOLD_SHARE = 0.01
VERDICT_WORDS = {
    Verdict.PASS: "the motion is physically plausible by every check that ran",
    Verdict.FAIL: "the motion breaks the limits named below",
    Verdict.NOT_RUN: "no check could run",
}


def write_report(plan: InteractionPlan, folder: Path, not_drawn: dict[str, str] | None = None) -> None:
    """Write report.html beside the pictures and videos in `folder`, which it embeds.

    Args:
        not_drawn: file of the bundle that could not be drawn -> why; the page says so instead.
    """
    (folder / "report.html").write_text(report_page(plan, folder, not_drawn), encoding="utf-8")


def report_page(plan: InteractionPlan, folder: Path, not_drawn: dict[str, str] | None = None) -> str:
    """The page as HTML; it refers to no other file or host."""
    missing = not_drawn or {}
    sections = (
        _header(plan),
        _view(plan, folder, missing),
        _reasons(plan),
        _robot(plan, folder, missing),
        _inputs(folder, missing),
        _curves(plan),
        _checks(plan),
        _samples(plan),
        _timings(plan),
        _provenance(plan),
    )
    style = (Path(__file__).parent / "report.css").read_text() + view_style()
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{plan.verdict}: {escape(plan.request.instruction)}</title><style>{style}</style></head>\n"
        f"<body><main>\n{''.join(sections)}</main></body></html>\n"
    )


def _header(plan: InteractionPlan) -> str:
    height, width = plan.request.size_px
    frames = len(plan.video.frames)
    instruction = escape(plan.request.instruction).replace(
        escape(TARGET_TOKEN), '<span class="target" title="the masked object">target</span>'
    )
    return (
        f'<header><span class="badge {plan.verdict}">{plan.verdict}</span><div><h1>{instruction}</h1>'
        f'<p class="sub">{width} x {height} px, {frames} frames at {plan.video.fps:g} per second, '
        f"seed {plan.provenance.get('chosen_seed', plan.request.seed)}, body {escape(plan.motion.body_model)}, "
        f"keypoints {escape(plan.provenance.get('profile', {}).get('lift', {}).get('keypoints', 'unknown'))}, "
        f"{escape(str(plan.provenance.get('created', '')))}</p></div></header>\n"
    )


def _reasons(plan: InteractionPlan) -> str:
    words = VERDICT_WORDS[plan.verdict]
    items = "".join(f"<li>{escape(c.reason)}</li>" for c in plan.report.checks if c.verdict is Verdict.FAIL)
    if plan.people_words:
        items += f"<li>{escape(plan.people_words)}</li>"
    if plan.repair_words:
        items += f"<li>{escape(plan.repair_words)}</li>"
    items += "".join(f"<li>{escape(note)}</li>" for note in plan.motion.notes)
    items += "".join(f'<li class="idle">{escape(words)}</li>' for words in plan.report.unchecked)
    return _card(f"Verdict: {words}", f'<ul class="reasons">{items}</ul>' if items else "")


def _view(plan: InteractionPlan, folder: Path, missing: dict[str, str]) -> str:
    """The plan in 3D with its videos; only the videos if a part of it could not be drawn."""
    scene = folder / "motion.glb"
    clips = {folder / name: words for name, words in CLIPS.items() if name not in missing}
    if len(clips) < len(CLIPS) or scene.name in missing:
        return _videos(folder, missing) + (_card("", _absent(scene, missing)) if scene.name in missing else "")
    robot = None if plan.robot is None else folder / "robot" / f"{plan.robot.name}.glb"
    return view_html(
        plan.motion,
        scene.read_bytes(),
        {words: path.read_bytes() for path, words in clips.items()},
        robot.read_bytes() if robot is not None and robot.is_file() else None,
    )


def _robot(plan: InteractionPlan, folder: Path, missing: dict[str, str]) -> str:
    robot = plan.robot
    if robot is None:
        return ""
    title = f"Robot: {escape(robot.sentence)}"
    film = folder / "robot" / f"{robot.name}.mp4"
    name = film.relative_to(folder).as_posix()
    if name in missing:
        seen = f'<p class="sub">{escape(name)} could not be drawn: {escape(missing[name])}</p>'
    else:
        seen = _video(film, missing, "in real time, from the side") if film.is_file() else ""
    rows = [(escape(name), escape(value)) for name, value in _robot_facts(robot)]
    facts = _table(("", ""), rows) if rows else ""
    return _card(title, f'<div class="two">{seen}<div>{facts}</div></div>' if seen else facts)


def _robot_facts(robot: RobotPlan) -> list[tuple[str, str]]:
    """The main facts, in everyday units."""
    if robot.motion is None:
        return []
    motion, facts = robot.motion, robot.motion.facts
    rows = [
        ("as", facts.get("hand", "").replace("_", " ")),
        ("grip", facts.get("grip", "")),
        ("approach", _approach(facts)),
        ("place", facts.get("not_as_lifted", "")),
        ("opening of the gripper", f"{1000 * facts['width_m']:.0f} mm" if "width_m" in facts else ""),
        ("takes", f"{(len(motion.positions_rad) - 1) / motion.fps:.1f} s, {motion.stretch:.1f} times the person's"),
    ]
    done = robot.execution
    if done is not None:
        hits = ", ".join(f"{what} ({force:.0f} N)" for what, force in sorted(done.collisions.items()))
        rows += [
            ("reached", ", ".join(done.stages) or "none of the stages"),
            ("object from its place", f"{1000 * done.place_error_m:.0f} mm, {np.degrees(done.turn_error_rad):.0f}°"),
            ("slid in the gripper", f"{1000 * done.slip_m:.0f} mm"),
            ("hits", hits or "nothing"),
            ("motors at their limit", ", ".join(sorted(done.saturated)) or "none"),
            *(("note", note) for note in done.notes),
        ]
    return [(name, value) for name, value in rows if value]


def _approach(facts: dict) -> str:
    if "range_m" not in facts:
        return facts.get("approach", "")
    near, far = facts["range_m"]
    nearer, farther = f"{-100 * near:.0f} cm nearer than lifted", f"{100 * far:.0f} cm farther"
    return f"feels for it along the line of sight, from {nearer} to {farther}"


def _videos(folder: Path, missing: dict[str, str]) -> str:
    return (
        '<div class="two">'
        + "".join(_card("", _video(folder / name, missing, words)) for name, words in CLIPS.items())
        + "</div>\n"
    )


def _inputs(folder: Path, missing: dict[str, str]) -> str:
    attention = folder / "attention.png"
    if attention.name in missing:
        return _card("Where the video looks at the target word", _absent(attention, missing))
    if not attention.is_file():
        return _card("Where the video looks at the target word", '<p class="sub">attention was not captured</p>')
    caption = "attention of the video's tokens to the target word over time; the mask is outlined in the first frame"
    return _card("Where the video looks at the target word", _picture(attention, caption))


def _curves(plan: InteractionPlan) -> str:
    motion = plan.still_motion
    duration_s = (motion.num_frames - 1) / motion.fps
    curves = motion_curves(motion, plan.still_posed.keypoints_m)
    distances = [Series(hand, values, SIDE_OF_HAND[hand]) for hand, values in curves.hand_distance_m.items()]
    keys = "".join(f'<span class="key {style}">{hand.replace("_", " ")}</span>' for hand, style in SIDE_OF_HAND.items())
    target = motion.target.name if motion.target is not None else None
    contacts = [
        Interval(
            SIDE_OF_HAND[c.hand],
            c.start_frame / motion.fps,
            min(c.end_frame / motion.fps, duration_s),
            SIDE_OF_HAND[c.hand],
        )
        for c in motion.contacts
        if c.object_name == target
    ]
    return (
        (_card(f"Hand to target distance {keys}", line_chart(distances, duration_s, "m")) if distances else "")
        + _card("Contact with the target", interval_chart([SIDE_OF_HAND[h] for h in HANDS], contacts, duration_s))
        + _card(
            'Pelvis over the floor <span class="key pelvis">height</span>',
            line_chart([Series("pelvis", curves.pelvis_height_m, "pelvis")], duration_s, "m"),
        )
    )


def _checks(plan: InteractionPlan) -> str:
    order = {Verdict.FAIL: 0, Verdict.NOT_RUN: 1, Verdict.PASS: 2}
    rows = [_check_row(c, plan.motion.fps) for c in sorted(plan.report.checks, key=lambda c: order[c.verdict])]
    head = ("Check", "Verdict", "#Value", "#Limit", "Unit", "#Worst frame", "What was found")
    return _card("Physics checks", _table(head, rows))


def _check_row(check: CheckResult, fps: float) -> tuple:
    worst = "" if check.worst_frame is None else f"{check.worst_frame} ({check.worst_frame / fps:.1f} s)"
    return (
        escape(check.name.replace("_", " ")),
        _verdict(check.verdict),
        rounded(check.value, check.limit),
        rounded(check.limit, check.limit),
        escape(check.unit),
        worst,
        escape(check.reason),
    )


def _samples(plan: InteractionPlan) -> str:
    chosen = plan.provenance.get("chosen_seed")
    rows, classes = [], []
    for s in plan.samples:
        touches = {True: "yes", False: "no", None: ""}[s.touches_target]
        alignment = "" if s.target_alignment is None else f"{100 * s.target_alignment:.0f} %"
        wrong = ["who acts"] if s.right_people is False else []
        what = escape(s.error or ", ".join([*wrong, *s.failed_checks]))
        rows.append((str(s.seed), _verdict(s.verdict), touches, alignment, what))
        classes.append("chosen" if s.seed == chosen else "")
    head = ("Seed", "Verdict", "Touches target", "#Attention on target", "Failed checks or error")
    return _card(f"Samples ({len(rows)}, the chosen one is shaded)", _table(head, rows, classes))


def _timings(plan: InteractionPlan) -> str:
    total = max(sum(plan.timings_s.values()), 1e-9)
    bars = "".join(
        f'<i class="n{k}" style="width:{100 * seconds / total:.2f}%" title="{escape(stage)}"></i>'
        for k, (stage, seconds) in enumerate(plan.timings_s.items())
    )
    rows = [
        (f'<i class="chip n{k}"></i>{escape(stage)}', f"{seconds:.2f} s", f"{100 * seconds / total:.0f} %")
        for k, (stage, seconds) in enumerate(plan.timings_s.items())
    ]
    return _card(
        f"Time: {total:.1f} s", f'<div class="split">{bars}</div>' + _table(("Stage", "#Time", "#Share"), rows)
    )


def _provenance(plan: InteractionPlan) -> str:
    text = json.dumps(plan.provenance, indent=2, default=str)
    diagnostics = json.dumps(plan.motion.diagnostics, indent=2, default=str)
    return _card(
        "",
        f"<details><summary>Where this comes from</summary><pre>{escape(text)}</pre></details>"
        f"<details><summary>Numbers of the lift</summary><pre>{escape(diagnostics)}</pre></details>",
    )


def _card(title_html: str, body: str) -> str:
    title = f"<h2>{title_html}</h2>" if title_html else ""
    return f'<section class="card">{title}{body}</section>\n'


def _table(head: tuple[str, ...], rows: list[tuple], classes: list[str] | None = None) -> str:
    """An HTML table; a heading that starts with # makes a right-aligned column of numbers."""
    numeric = [h.startswith("#") for h in head]

    def cells(tag: str, values: tuple) -> str:
        return "".join(f"<{tag}{' class=number' if n else ''}>{v}</{tag}>" for v, n in zip(values, numeric))

    names = classes or [""] * len(rows)
    body = "".join(f"<tr{f' class={name}' if name else ''}>{cells('td', row)}</tr>" for row, name in zip(rows, names))
    return f"<table><tr>{cells('th', tuple(h.lstrip('#') for h in head))}</tr>{body}</table>"


def _verdict(verdict: Verdict) -> str:
    return f'<span class="{verdict}-text">{verdict}</span>'


def rounded(value: float | None, limit: float | None) -> str:
    """A number rounded for reading: to a hundredth of its limit, or to three digits if it has none."""
    if value is None:
        return ""
    if not limit:
        return np.format_float_positional(value, precision=3, fractional=False, trim="-")
    digits = max(0, -int(np.floor(np.log10(abs(limit) * TOLD_SHARE))))
    return np.format_float_positional(np.round(value, digits) + 0.0, precision=digits, trim="-")


def _absent(path: Path, missing: dict[str, str]) -> str:
    return f'<p class="sub">{escape(path.name)} could not be drawn: {escape(missing[path.name])}</p>'


def _video(path: Path, missing: dict[str, str], caption: str) -> str:
    if path.name in missing:
        return _absent(path, missing)
    data = base64.b64encode(path.read_bytes()).decode()
    return (
        f'<figure><video src="data:video/mp4;base64,{data}" controls loop muted autoplay playsinline></video>'
        f"<figcaption>{caption}</figcaption></figure>"
    )


def _picture(path: Path, caption: str) -> str:
    data = base64.b64encode(path.read_bytes()).decode()
    return (
        f'<figure><img src="data:image/png;base64,{data}" alt="{caption}"><figcaption>{caption}</figcaption></figure>'
    )
