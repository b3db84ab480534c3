"""Updates benchmarks/RESULTS.md and the README's table from benchmarks/results: `python -m benchmarks.report`."""

import sys
from dataclasses import dataclass

from benchmarks.results import ROOT, Result, Value, read_results, shown
from hoi_motion.errors import TavidError
from hoi_motion.files import write_whole

README = ROOT / "README.md"
PAGE = ROOT / "benchmarks" / "RESULTS.md"
BEGIN = "<!-- numbers: begin -->"
END = "<!-- numbers: end -->"


@dataclass(frozen=True)
class Row:
    """One row of the README's table.

    Attributes:
        value: what is shown; `{field:.1f}` is a value, `{field:.2i}` with its 95% interval.
    """

    result: str
    what: str
    value: str


ROWS = (
    Row(
        "plan",
        "first plan: load / video / lift / check / save; later plans in all; peak memory",
        "{load:.1f} / {video:.1f} / {lift:.1f} / {check:.1f} / {save:.1f} s; {later_whole:.1f} s; {peak_gib:.1f} GiB",
    ),
    Row(
        "ros",
        "overhead of ROS 2 over a direct call, same request",
        "{service_ms:.0f} ms for the service, {action_ms:.0f} ms for the action: {service_percent:.1f} and "
        "{action_percent:.1f}% of a plan",
    ),
    Row("scenes", "procedural clips a minute, median (mean)", "{wall_median:.0f} ({wall_mean:.0f})"),
    Row(
        "target_hits",
        "the generated hand touches the masked object most, of 2-4 identical ones (chance {chance:.2f}), {scenes:.0f} "
        "held-out scenes",
        "**{hit:.2i}**; another one {wrong:.2f}, no touch {none:.2f}; ground-truth clips {truth_hit:.2f}",
    ),
    Row(
        "target_bench",
        "TargetBench, {scenes:.0f} harder scenes (chance {chance:.2f}): target hit; another object",
        "**{hit:.2i}**; {wrong:.2f}; base without mask {base_hit:.2f}; {base_wrong:.2f}; ground-truth clips "
        "{truth_hit:.2f}; {truth_wrong:.2f}",
    ),
    Row(
        "best_of",
        "PASS at the right target, the best of 1 / 2 / 4 / 8 samples, {cases:.0f} cases of TargetBench",
        "{pass_right_1:.2f} / {pass_right_2:.2f} / {pass_right_4:.2f} / {pass_right_8:.2f}",
    ),
    Row(
        "lift",
        "lifting error on {scenes:.0f} rendered scenes, medians: MPJPE, PA-MPJPE, wrist, object position; contact F1",
        "{mpjpe_mm:.0f} mm, {pa_mpjpe_mm:.0f} mm, {wrist_mm:.0f} mm, {object_cm:.1f} cm; {contact_f1:.2f}; worst scene "
        "{mpjpe_mm_worst:.0f} mm, {pa_mpjpe_mm_worst:.0f} mm, {wrist_mm_worst:.0f} mm, {object_cm_worst:.0f} cm; "
        "{contact_f1_worst:.2f}",
    ),
    Row(
        "lift_depth",
        "the same with a depth image of the first frame",
        "{mpjpe_mm:.0f} mm, {pa_mpjpe_mm:.0f} mm, {wrist_mm:.0f} mm, {object_cm:.1f} cm; {contact_f1:.2f}; worst scene "
        "{mpjpe_mm_worst:.0f} mm, {pa_mpjpe_mm_worst:.0f} mm, {wrist_mm_worst:.0f} mm, {object_cm_worst:.0f} cm; "
        "{contact_f1_worst:.2f}",
    ),
    Row(
        "lift_wider",
        "the same without depth on {scenes:.0f} scenes in which people walk, carry, put back, drink and sit down, seen "
        "by cameras that move",
        "{mpjpe_mm:.0f} mm, {pa_mpjpe_mm:.0f} mm, {wrist_mm:.0f} mm, {object_cm:.1f} cm; {contact_f1:.2f}; worst scene "
        "{mpjpe_mm_worst:.0f} mm, {pa_mpjpe_mm_worst:.0f} mm, {wrist_mm_worst:.0f} mm, {object_cm_worst:.0f} cm; "
        "{contact_f1_worst:.2f}",
    ),
    Row(
        "lift_wider_depth",
        "those scenes with a depth image of the first frame",
        "{mpjpe_mm:.0f} mm, {pa_mpjpe_mm:.0f} mm, {wrist_mm:.0f} mm, {object_cm:.1f} cm; {contact_f1:.2f}; worst scene "
        "{mpjpe_mm_worst:.0f} mm, {pa_mpjpe_mm_worst:.0f} mm, {wrist_mm_worst:.0f} mm, {object_cm_worst:.0f} cm; "
        "{contact_f1_worst:.2f}",
    ),
    Row(
        "lift_wider_check",
        "what is lifted from these scenes without depth, hidden legs stepping, as in a plan: passes the physics check; "
        "passes after repair; the object's error before and after in those that the repair makes pass",
        "{passes:.0f}, {passes_repaired:.0f} of {lifted:.0f}; {object_cm_before_repair:.1f}, "
        "{object_cm_after_repair:.1f} cm",
    ),
    Row(
        "mocap_figures",
        "lifting error on {clips:.0f} rendered figures with recorded human motion: MPJPE, PA-MPJPE, the pelvis' "
        "path over 2 s",
        "{mpjpe_mm:.0f} mm, {pa_mpjpe_mm:.0f} mm, {path_cm:.1f} cm; worst {mpjpe_mm_worst:.0f} mm, "
        "{pa_mpjpe_mm_worst:.0f} mm, {path_cm_worst:.0f} cm",
    ),
    Row(
        "execute_planned",
        "from a frame, its intrinsics and a mask to an arm that moves the true object in physics, {cases:.0f} cases of "
        "TargetBench, the arm placed by the camera's true pose: successes of a "
        "Panda; of one with a wider hand; median error of the object's resting place",
        "{panda:.0f}; {panda_wide:.0f}; {rest_cm:.1f} cm",
    ),
    Row(
        "execute_planned_known",
        "the same, given the camera's pose and the support's height",
        "**{panda:.0f}; {panda_wide:.0f}**; {rest_cm:.1f} cm",
    ),
    Row(
        "execute_planned_depth",
        "the same, given a depth image of the first frame",
        "**{panda:.0f}; {panda_wide:.0f}**; {rest_cm:.1f} cm",
    ),
    Row(
        "check",
        "the physics check: possible motions that pass; planted faults found; false alarms",
        "{passed:.0f} of {scenes:.0f}; {caught:,.0f} of {caught_of:,.0f}; {false_alarms:.0f} of {false_alarms_of:,.0f}",
    ),
    Row(
        "check_people",
        "the same on motion of people who walk, carry, sit down and drink, in three sets of rendered scenes, and "
        "of recorded people: possible motions that pass; planted faults found; false alarms",
        "{wider_1_passed:.0f}, {wider_2_passed:.0f} and {wider_3_passed:.0f} of {wider_1:.0f} each, "
        "{recorded_passed:.0f} of {recorded:.0f} recorded; {all_caught:,.0f} of {all_caught_of:,.0f}; "
        "{all_false_alarms:.0f} of {all_false_alarms_of:,.0f}",
    ),
    Row(
        "lift_generated",
        "clips of the mini model: lifted; every frame within 5% of the height of its keypoints; a hand on the target",
        "{lifted:.0f}; {every_frame_within_5:.0f}; {contact:.0f} of {clips:.0f}",
    ),
    Row(
        "fuzz_files",
        "damaged files of {kinds:.0f} kinds: crashes, hangs, more than 1 GB, internal errors, files opened elsewhere",
        "{faults:.0f} of {files:,.0f}",
    ),
    Row(
        "ros_endurance_plans",
        "plans in a row over ROS 2, few steps each: completed; memory growth of node and worker",
        "{plans:.0f}; {growth_percent:.1f}%",
    ),
    Row(
        "ros_kills_cancel",
        "cancelling a plan over ROS 2 at {moments:.0f} moments, also while loading and with huge settings: answer",
        "median {median_s:.2f} s, longest {longest_s:.2f} s",
    ),
)


class _Shown:
    """A value in a format string: `.1f` as a number, `.2i` with its interval."""

    def __init__(self, value: Value):
        self.value = value

    def __format__(self, spec: str) -> str:
        decimals = int(spec.strip(",.")[:-1])
        text = shown(self.value.value, decimals)
        if not spec.endswith("i"):
            return text
        low, high = (shown(end, decimals) for end in self.value.interval)
        return f"{text} [{low}, {high}]"


def filled(text: str, result: Result) -> str:
    """A text of a row with the result's values filled in."""
    return text.format(**{field: _Shown(value) for field, value in result.values.items()})


def readme_table(results: dict[str, Result]) -> str:
    """The table between the README's marks; rows without a result are left out."""
    lines = ["| what | value | command |", "|---|---|---|"]
    for row in ROWS:
        if result := results.get(row.result):
            lines.append(f"| {filled(row.what, result)} | {filled(row.value, result)} | `{result.command}` |")
    return "\n".join(lines)


def with_table(page: str, results: dict[str, Result]) -> str:
    """A page with the table between its marks replaced."""
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n{readme_table(results)}\n{END}{after}"


def results_page(results: dict[str, Result]) -> str:
    """All results, one table each, with the command that produces it."""
    lines = [
        "# Measured",
        "",
        "Made by `python -m benchmarks.report` from [results](results): the newest of each measurement.",
        "How the model was made, and what was measured on the way, is in [lab-notes.md](../docs/lab-notes.md).",
    ]
    for name, result in results.items():
        lines += ["", f"## {name}: {result.what}", "", f"`{result.command}`", ""]
        lines += [f"{result.date}, commit {result.commit}, {result.processor}", ""]
        lines += ["| field | value | 95% interval |", "|---|---|---|"]
        for field, value in result.values.items():
            interval = f"{_exact(value.interval[0])} to {_exact(value.interval[1])}" if value.interval else ""
            lines.append(f"| {field} | {_exact(value.value)} {value.unit}".rstrip() + f" | {interval} |")
    return "\n".join(lines) + "\n"


def _exact(number: float) -> str:
    """Four figures, or all of a whole number."""
    return f"{number:.4g}" if number != int(number) else f"{number:,.0f}"


def main() -> int:
    try:
        results = read_results()
        write_whole(PAGE, results_page(results).encode())
        write_whole(README, with_table(README.read_text(), results).encode())
    except TavidError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    print(f"{len(results)} results: {PAGE.relative_to(ROOT)}, {README.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
