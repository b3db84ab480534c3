"""tavid-plan: one plan from image and mask files, without ROS; `batch` makes many plans, `export` training data."""

import argparse
import dataclasses
import sys

from hoi_motion.files import write_whole
from hoi_motion.scripts.command import TEXT, command_parser, run_command, say_note
from hoi_motion.scripts.marking import add_marking_options, check_one_way, marked_mask, print_doubts
from hoi_motion.scripts.outputs import OutMp4, OutPath
from hoi_motion.scripts.scene_options import add_scene_options
from tavid_planner.errors import ErrorCode, InputError, TavidError


def main(argv: list[str] | None = None) -> int:
    arguments = sys.argv[1:] if argv is None else argv
    if arguments[:1] == ["batch"]:
        from tavid_planner.cli.batch import main as batch

        return batch(arguments[1:])
    if arguments[:1] == ["export"]:
        from tavid_planner.cli.export import main as export

        return export(arguments[1:])
    return run_command(_plan, arguments)


def _parser() -> argparse.ArgumentParser:
    from tavid_planner.config import load_profile, option_help, profile_names

    parser = command_parser(
        "tavid-plan", "Plans how the person in a picture interacts with the one object that a mask marks."
    )
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--image", required=True, metavar="FILE", help="camera frame: PNG or JPEG")
    parser.add_argument(
        "--mask", metavar="FILE", help="mask of the target: one channel, 0 outside, another value on it"
    )
    add_marking_options(parser, "pixels of the image; instead of --mask")
    parser.add_argument(
        "--instance",
        action="append",
        default=[],
        dest="instances",
        metavar="NAME:ROLE:FILE",
        help="instead of --mask and --actor-mask: one marked instance with role (target, actor, other) and mask; "
        "up to five times, one of them as target",
    )
    parser.add_argument(
        "--instruction", required=True, metavar=TEXT, help='what should happen, for example "picks up the [TGT] mug"'
    )
    parser.add_argument(
        "--out", type=OutPath, required=True, metavar="DIR", help="plan bundle to write; must not exist yet"
    )
    parser.add_argument(
        "--profile", default="mini", metavar="NAME", help=f"{', '.join(profile_names())}, or a YAML file; default mini"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="the same seed gives the same plan; default 0")
    parser.add_argument(
        "--samples", type=int, default=1, metavar="K", help="videos to generate, the best is kept; default 1"
    )
    parser.add_argument("--film", type=OutMp4, metavar="FILE", help="also copy the bundle's film.mp4 to this path")
    parser.add_argument("--actor-mask", metavar="FILE", help="mask of the person who acts")
    parser.add_argument(
        "--intrinsics",
        metavar="FX,FY,CX,CY",
        help="camera matrix in pixels of the image, or a file of it: a calibration (.yaml, .xml, .json, .npz), .npy or "
        "text of 9 numbers",
    )
    parser.add_argument(
        "--depth", metavar="FILE", help="a 16-bit PNG, an .npy or .npz: integers in millimetres, floats in metres"
    )
    add_scene_options(parser)
    parser.add_argument(
        "--robot",
        default="",
        metavar="NAME",
        help="robot that carries it out in physics, see hoi-retarget --list",
    )
    parser.add_argument(
        "--set", action="append", default=[], dest="options", metavar="OPTION=VALUE", help="change an option below"
    )
    parser.epilog = (
        "many requests: tavid-plan batch --help; plans as training data: tavid-plan export --help\n\n"
        "options for --set (values of the profile mini):\n" + option_help(load_profile("mini"))
    )
    return parser


def _plan(argv: list[str]) -> int:
    arguments = _parser().parse_args(argv)
    check_one_way(arguments, {"--mask": arguments.mask, "--instance": arguments.instances})

    from hoi_motion.lock import only_writer
    from hoi_motion.scripts.progress_bar import ProgressBar
    from tavid_planner.bundle import VERDICT_CODES, check_output_folder, load_plan_json, save_plan
    from tavid_planner.cli.quiet import quiet_libraries
    from tavid_planner.config import load_profile, with_options
    from tavid_planner.drawn_files import FILM
    from tavid_planner.partial import sweep_partials
    from tavid_planner.planner import Planner
    from tavid_planner.video.estimate import chosen_mode, memory_words, needed_by_mode, require_memory

    config = with_options(load_profile(arguments.profile), arguments.options)
    folder = check_output_folder(arguments.out)
    if arguments.film:
        if not config.bundle.film:
            raise InputError(
                ErrorCode.CONFIG_INVALID,
                "--film needs the film that bundle.film=false leaves out",
                "remove one of the two",
            )
    request = _request(arguments)
    quiet_libraries(arguments.debug)
    needed = needed_by_mode(config, request.samples, request.size_px)
    if needed is not None:
        print(f"memory   {memory_words(needed)}; this plan: {chosen_mode(config.video, needed)}", flush=True)
        require_memory(config, request.samples, request.size_px)
    with only_writer(folder, "output folder"), ProgressBar() as on_progress:
        sweep_partials(folder.parent)
        plan = Planner(config).plan(request, on_progress)
        save_plan(plan, folder, on_progress)
    _print_summary(plan)
    not_drawn = load_plan_json(folder)["not_drawn"]
    for name, cause in not_drawn.items():
        print(f"missing  {name}: {cause}")
    print(f"bundle   {folder}", flush=True)
    if arguments.film and FILM not in not_drawn:  # after the bundle is told, which an error here must not hide
        write_whole(arguments.film, (folder / FILM).read_bytes())
        print(f"film     {arguments.film}")
    return TavidError(VERDICT_CODES[plan.verdict], "").exit_code


def _request(arguments: argparse.Namespace):
    from tavid_planner.request_files import RequestFiles

    names = (f.name for f in dataclasses.fields(RequestFiles))
    files = RequestFiles(**{name: getattr(arguments, name) for name in names})
    if files.mask or files.instances:
        return files.read(say_note)
    from hoi_motion.media.image_files import read_image

    found, _ = marked_mask(arguments, read_image(arguments.image))
    print(f"target   {found.words}")
    print_doubts(found)
    return files.read(say_note, target_mask=found.mask, target_source=found.words)


def _unseen_marks(plan) -> str:
    """Which marks the video model did not get; empty when it got all that it was asked to see."""
    from tavid_planner.instances import OTHER

    others = [i.name for i in plan.request.instances if i.role == OTHER]
    if not others or plan.provenance.get("video", {}).get("conditioning") not in ("mask", "none"):
        return ""
    return (
        f"the video model did not see the marks of {', '.join(others)}; one with an ID map does: --profile matrix-mini"
    )


def _print_summary(plan) -> None:
    from hoi_motion.physics.report import Verdict

    print(f"verdict  {plan.verdict}")
    for words in (*plan.report.reasons, *(plan.report.coverage if plan.verdict is Verdict.PASS else ())):
        print(f"         {words}")
    if plan.repair_words:
        print(f"repair   {plan.repair_words}")
    if len(plan.samples) > 1:
        for sample in plan.samples:
            touch = {True: "touches the target", False: "misses the target", None: "not lifted"}[sample.touches_target]
            people = "" if sample.right_people is not False else ", not by whom it should be"
            print(f"sample   seed {sample.seed}: {sample.verdict}, {sample.error or touch + people}")
    if plan.people_words:
        print(f"note     {plan.people_words}")
    for note in plan.motion.notes:
        print(f"note     {note}")
    if unseen := _unseen_marks(plan):
        print(f"note     {unseen}")
    for words in plan.provenance.get("video", {}).get("without_effect", ()):
        print(f"note     {words}")
    if scale := plan.provenance.get("video", {}).get("adapter_scale"):
        print(f"adapter  LoRA scale {scale}")
    if plan.robot is not None:
        print(f"robot    {plan.robot.sentence}")
    print("time     " + ", ".join(f"{stage} {seconds:.1f} s" for stage, seconds in plan.timings_s.items()))


if __name__ == "__main__":
    sys.exit(main())
