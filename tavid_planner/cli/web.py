"""tavid-web: the page in a browser, from photograph to plan."""

import os
import sys
from pathlib import Path

from hoi_motion.files import try_folder
from hoi_motion.lazy import optional
from hoi_motion.scripts.command import command_parser, run_command
from tavid_planner.errors import ErrorCode, InputError

MAX_WAITING = 8


def main(argv: list[str] | None = None) -> int:
    return run_command(_web, argv)


def _parser():
    parser = command_parser("tavid-web", "Serves a web page: mark an object, say what should happen, see the plan.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on; default: this machine only")
    parser.add_argument("--port", type=int, default=7860, help="default %(default)s; 0 takes a free one")
    parser.add_argument(
        "--profile", default="mini", metavar="NAME", help="profile whose models are loaded first; default mini"
    )
    parser.add_argument(
        "--bundles", default="web-bundles", metavar="DIR", help="folder for bundles; default %(default)s"
    )
    parser.add_argument("--keep", action="store_true", help="keep the bundles of closed pages")
    parser.add_argument(
        "--planner", default="tavid_planner.planner:Planner", metavar="MODULE:CLASS", help="planner class, for tests"
    )
    return parser


def _web(argv: list[str]) -> int:
    arguments = _parser().parse_args(argv)
    optional("gradio")
    if not 0 <= arguments.port < 65536:
        raise InputError(ErrorCode.CONFIG_INVALID, f"port is {arguments.port}", "give 0 to 65535")
    bundles = Path(arguments.bundles).absolute()
    try:
        bundles.mkdir(parents=True, exist_ok=True)
        try_folder(bundles)
    except OSError as error:
        raise InputError(
            ErrorCode.OUTPUT_INVALID, f"cannot write {bundles}: {error.strerror}", "name another folder with --bundles"
        ) from error

    from tavid_planner.cli.quiet import quiet_libraries
    from tavid_planner.config import load_profile

    quiet_libraries(arguments.debug)
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # no telemetry
    config = load_profile(arguments.profile)
    from tavid_planner.web.serve import serve
    from tavid_planner.web.visits import Visits
    from tavid_planner.worker.desk import PlannerDesk
    from tavid_planner.worker.supervisor import PlanWorker

    desk = PlannerDesk(PlanWorker(arguments.planner, debug=arguments.debug), MAX_WAITING)
    visits = Visits(bundles, arguments.keep)
    try:
        print(f"loading  profile {arguments.profile}", flush=True)
        desk.open(config)
        serve(desk, visits, arguments.profile, arguments.host, arguments.port)
    finally:
        desk.close(("the page is closing", ""))
        visits.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
