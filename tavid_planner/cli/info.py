"""tavid-info: what this installation has, what it lacks, and how to get it."""

import os
import shutil
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from hoi_motion.files import with_home
from hoi_motion.scripts.command import command_parser, run_command
from tavid_planner.errors import TavidError

INTERFACES = "tavid_planner_interfaces"


@dataclass(frozen=True)
class Fact:
    """One line: `missing` says how to get what is absent; `needed` if the default profile requires it."""

    name: str
    value: str
    missing: str = ""
    needed: bool = False


def main(argv: list[str] | None = None) -> int:
    return run_command(_info, argv)


def _info(argv: list[str]) -> int:
    parser = command_parser("tavid-info", "Shows what is installed, what is missing and how to get it.")
    arguments = parser.parse_args(argv)
    from tavid_planner.cli.quiet import quiet_libraries

    quiet_libraries(arguments.debug)
    incomplete = False
    for title, facts in (("versions", versions()), ("machine", machine()), ("models", models()), ("ROS 2", ros())):
        print(title)
        for fact in facts:
            print(f"  {fact.name:<24} {fact.value}")
            if fact.missing:
                print(f"  {'':<24} -> {fact.missing}")
            incomplete |= fact.needed and bool(fact.missing)
    print("incomplete: see the lines marked ->" if incomplete else "ready: profile mini can plan")
    return 4 if incomplete else 0


def versions() -> list[Fact]:
    from tavid_planner.provenance import package_versions

    facts = []
    for name, version in package_versions().items():
        absent = version == "not installed"
        optional = name == "ros-rclpy"
        facts.append(Fact(name, version, "pip install -r requirements.txt" if absent else "", absent and not optional))
    return facts


def machine() -> list[Fact]:
    from tavid_planner.provenance import cpu_name, total_memory_bytes, usable_cores

    free_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")
    facts = [
        Fact("processor", f"{cpu_name()}, {usable_cores()} cores"),
        Fact("memory", f"{total_memory_bytes() / 2**30:.1f} GiB, {free_bytes / 2**30:.1f} GiB free"),
        Fact("disk", f"{shutil.disk_usage('.').free / 2**30:.1f} GiB free here"),
    ]
    if find_spec("torch") is None:
        return facts
    import torch

    if not torch.cuda.is_available():
        return facts + [Fact("GPU", "none: profile mini runs on the CPU, tavid-5b needs a GPU")]
    for index in range(torch.cuda.device_count()):
        device = torch.cuda.get_device_properties(index)
        facts.append(Fact(f"GPU cuda:{index}", f"{device.name}, {device.total_memory / 2**30:.0f} GiB"))
    return facts


def models() -> list[Fact]:
    from tavid_planner.config import load_profile, profile_names

    facts = []
    for name in profile_names():
        config = load_profile(name)
        for part, model in (("base", config.video.base), ("adapter", config.video.adapter)):
            if model:
                facts.append(_model(f"{name} {part}", model, needed=name == "mini"))
        if name == "mini":
            facts.append(_body(config.lift.body_model))
    return facts


def _model(label: str, model: str, needed: bool) -> Fact:
    """Looks at folders and the hub's cache; never contacts a hub."""
    from tavid_planner.config import resolve_model
    from tavid_planner.video.model_files import is_hub_id, weights_digest

    try:
        folder = with_home(resolve_model(model))
    except TavidError as error:
        return Fact(label, error.message, error.hint, needed)
    if not folder.is_dir() and is_hub_id(model):
        cached = _in_hub_cache(model)
        if cached is None:
            how = f"`hf download {model}` fetches it; so does the first plan with this profile"
            return Fact(label, f"{model}: not downloaded", how, needed)
        folder = cached
    if not folder.is_dir():
        how = "restore it from the repository" if needed else "set your folder in a profile of your own"
        return Fact(label, f"{model}: not found", how, needed)
    size = sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())
    return Fact(label, f"{folder}, {size / 2**20:.1f} MiB, digest {weights_digest(folder)}")


def _in_hub_cache(model: str) -> Path | None:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        return Path(snapshot_download(model, local_files_only=True))
    except (LocalEntryNotFoundError, OSError, ValueError):
        return None


def _body(path: str) -> Fact:
    from hoi_motion.body import load_body

    try:
        body = load_body(path)
    except TavidError as error:
        return Fact("body", error.message, error.hint, needed=True)
    how = "; to use an official SMPLX_NEUTRAL.npz: --set lift.body_model=PATH" if not path else ""
    return Fact("body", f"{body.name}, digest {body.digest[:16]}{how}")


def ros() -> list[Fact]:
    facts = []
    if find_spec("rclpy") is None:
        facts.append(Fact("rclpy", "not found", "pip install -r requirements.txt, or source an installed ROS 2"))
    else:
        facts.append(Fact("rclpy", f"found, {os.environ.get('ROS_DISTRO', 'wheels')}"))
    spec = find_spec(INTERFACES)
    if spec is None or spec.origin is None:  # the folder of its sources is in the checkout, and no package
        how = f"pip install ./{INTERFACES}, or build it with colcon and source the workspace"
        facts.append(Fact("interfaces", "not found: no node", how))
    else:
        facts.append(Fact("interfaces", str(Path(spec.origin).parent)))
    return facts


if __name__ == "__main__":
    sys.exit(main())
