"""Makes `.venv` ready for `make demo` (run), `make test` (test) or `make docs` (docs); does nothing when it is.

python3.11 tools/setup_environment.py run|test|docs

Needs only the standard library. What is done is written down in `.venv/.setup`: one stamp a step with the digest of
what it was made from. A set-up that was interrupted leaves the file `incomplete` there, and the next one starts anew.
Of two at the same time the second waits for the first.
"""

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STATE = VENV / ".setup"
LOG = VENV / "setup.log"
WHEELS = STATE / "wheels"
PYTHON = VENV / "bin" / "python"
INTERFACES = "tavid_planner_interfaces"
SOURCES = ("tavid_planner", "hoi_motion", "launch", "config", "models", "libexec", "resource")
SOURCE_FILES = (
    "setup.py",
    "setup.cfg",
    "pyproject.toml",
    "package.xml",
    "requirements.txt",
    "LICENSE",
    "THIRD_PARTY.md",
)
NEEDED_DISK_GIB = 6
SECTIONS = {"run": ("run",), "test": ("run", "test", "web"), "docs": ("docs",)}  # of constraints.txt
DOWNLOADS_AT_ONCE = 6  # an index answers slowly, not a machine: waiting in parallel costs nothing
NETWORK_WORDS = ("NewConnectionError", "Max retries", "Read timed out", "No matching distribution", "Temporary failure")
LOG_IN_TURN = threading.Lock()
PIP = ("-m", "pip", "--disable-pip-version-check", "--no-input", "--retries", "2", "--timeout", "60")


class SetupError(Exception):
    """One line that says what is wrong and what to do."""


def main(purpose: str) -> int:
    started = time.monotonic()
    try:
        check_python()
        if is_ready(purpose):
            return 0
        with alone():
            if (STATE / "incomplete").exists():
                shutil.rmtree(VENV)
            create_environment()
            steps = pending_steps(purpose)
            if steps:
                if purpose != "docs":
                    check_compiler()
                check_disk()
                (STATE / "incomplete").touch()
                for step in steps:
                    step()
                shutil.rmtree(WHEELS, ignore_errors=True)
                (STATE / "incomplete").unlink()
                say(f"ready after {time.monotonic() - started:.0f} s")
        return 0
    except SetupError as error:
        print(f"error: {error}", file=sys.stderr)
        return 4
    except OSError as error:
        print(f"error: cannot set up {VENV}: {error} - check the disk and its permissions", file=sys.stderr)
        return 4
    except KeyboardInterrupt:
        print("error: set-up cancelled - the next `make` starts it again", file=sys.stderr)
        return 130


def is_ready(purpose: str) -> bool:
    """Whether nothing is left to do, and nobody is doing it."""
    return environment_is_ours() and not (STATE / "incomplete").exists() and not pending_steps(purpose)


@contextlib.contextmanager
def alone():
    """No other set-up of this checkout runs meanwhile: the system lets the lock go when its process ends in any way."""
    path = ROOT / "log" / "setup.lock"
    path.parent.mkdir(exist_ok=True)
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another set-up of this checkout is running: waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def check_python() -> None:
    have = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] != (3, 11):
        raise SetupError(
            f"Python 3.11 is needed, {sys.executable} is {have} - "
            "install Python 3.11 or name one: make PYTHON=/path/to/python3.11"
        )
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        raise SetupError(f"{sys.executable} has no venv module - apt-get install python3.11-venv") from None


def check_compiler() -> None:
    """The interface package is C and C++ code, generated when it is built."""
    for variable, name, language in (("CC", "cc", "c"), ("CXX", "c++", "c++")):
        compiler = os.environ.get(variable, name).split()
        command = [*compiler, "-x", language, "-fsyntax-only", "-"]
        try:
            works = subprocess.run(
                command, input=b"#include <stdio.h>\nint main(void) { return 0; }\n", capture_output=True
            )
        except OSError:
            works = None
        if works is None or works.returncode:
            raise SetupError(
                f"no working {'C' if language == 'c' else 'C++'} compiler ({compiler[0]}) - "
                f"apt-get install build-essential, or set {variable}"
            )
    if not (Path(sysconfig.get_path("include")) / "Python.h").is_file():
        raise SetupError(f"Python.h of {sys.executable} is missing - apt-get install python3.11-dev")


def check_disk() -> None:
    free_gib = shutil.disk_usage(ROOT).free / 2**30
    if free_gib < NEEDED_DISK_GIB:
        raise SetupError(f"{free_gib:.1f} GiB are free in {ROOT}, the set-up needs {NEEDED_DISK_GIB} - free some space")


def create_environment() -> None:
    """A virtual environment of this Python at this place; an older one of another kind is replaced."""
    if environment_is_ours():
        return
    if VENV.exists() and not (not (STATE / "environment").exists() and environment_works()):
        shutil.rmtree(VENV)
    if not VENV.exists():
        say("creating .venv")
        made = subprocess.run([sys.executable, "-m", "venv", str(VENV)], capture_output=True, text=True)
        if made.returncode:
            shutil.rmtree(VENV, ignore_errors=True)
            raise SetupError(
                f"cannot create {VENV}: {last_line(made.stdout + made.stderr)} - apt-get install python3.11-venv"
            )
    STATE.mkdir(exist_ok=True)
    stamp("environment", environment_digest())


def environment_digest() -> str:
    """Of this Python at this place."""
    return hashlib.sha256(f"{ROOT} {sys.version_info[:2]}".encode()).hexdigest()


def environment_is_ours() -> bool:
    return stamped("environment", environment_digest()) and PYTHON.exists()


def environment_works() -> bool:
    """Whether .venv is an environment of Python 3.11 with pip, made by hand."""
    code = "import pip, sys; sys.exit(sys.version_info[:2] != (3, 11))"
    try:
        return subprocess.run([str(PYTHON), "-c", code], capture_output=True).returncode == 0
    except OSError:
        return False


def pending_steps(purpose: str) -> list:
    """What is left to do, in order."""
    sections = locked_packages()
    wanted = [line for name in SECTIONS[purpose] for line in sections[name]]
    packages = digest_of([], "\n".join(wanted))
    if purpose == "docs":  # the site reads the sources; nothing of ours is built or installed for it

        def install_docs() -> None:
            install_packages(wanted, None)
            stamp("packages-docs", packages)

        return [] if stamped("packages-docs", packages) else [install_docs]
    interfaces = digest_of([INTERFACES], "\n".join(sections["build"]))
    project = digest_of([*SOURCES, *SOURCE_FILES])
    build_interfaces = not stamped("interfaces", interfaces)
    steps = []
    if build_interfaces or not stamped(f"packages-{purpose}", packages):

        def install() -> None:
            install_packages(wanted, sections["build"] if build_interfaces else None)
            stamp(f"packages-{purpose}", packages)
            stamp("interfaces", interfaces)

        steps.append(install)
    if not stamped("project", project):

        def install_project() -> None:
            say("installing the project")
            # what an earlier build left there would be installed again
            shutil.rmtree(ROOT / "build", ignore_errors=True)
            run_pip("install", "--no-deps", "--no-build-isolation", "--no-index", "--force-reinstall", str(ROOT))
            shutil.rmtree(ROOT / "build", ignore_errors=True)
            stamp("project", project)

        steps.append(install_project)
    return steps


def locked_packages() -> dict:
    """The sections of constraints.txt: name -> lines "package==version"."""
    sections, current = {}, None
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        header = re.match(r"# \[(\w+)\]", line)
        if header:
            current = sections.setdefault(header.group(1), [])
        elif line.strip() and not line.startswith("#"):
            current.append(line.strip())
    return sections


def install_packages(wanted: list, build) -> None:
    """Download in parallel, then install; beside that build the interface package unless `build` is None.

    Args:
        wanted: lines "package==version"; build: the same for the isolated build environment, or None.

    The lock is complete, so nothing is resolved. The one exception is torch: which further packages it needs depends
    on the build that the index offers (CPU or CUDA), so pip resolves it alone.
    """
    installed = installed_packages()
    absent = [p for p in wanted if p not in installed]
    torch = [p for p in absent if p.startswith("torch==")]
    others = [p for p in absent if p not in torch]
    # the isolated build environment wants its packages as files even where .venv has them
    files = sorted({*others, *(build or [])})
    WHEELS.mkdir(parents=True, exist_ok=True)
    say(f"downloading {len(files) + len(torch)} packages (log: {LOG.relative_to(ROOT)})")
    jobs = [
        # `wheel`, not `download`: what the index has only as source becomes a wheel on the way
        # `--use-pep517`: older pips build such a source in place, for which a new environment lacks the wheel package
        ("wheel", "--no-deps", "--use-pep517", "--wheel-dir", str(WHEELS), *files[k::DOWNLOADS_AT_ONCE])
        for k in range(DOWNLOADS_AT_ONCE)
        if files[k::DOWNLOADS_AT_ONCE]
    ]
    if torch:
        jobs.append(("install", "--no-compile", "--constraint", str(ROOT / "constraints.txt"), *torch))
    in_parallel(jobs)
    local = ("--no-index", "--find-links", str(WHEELS), "--no-deps")
    jobs = []
    if others:
        jobs.append(("install", "--no-compile", *local, *others))
    if build is not None:
        jobs.append(("wheel", *local, "--wheel-dir", str(WHEELS), str(ROOT / INTERFACES)))
    say("installing them" + (" and building the ROS interfaces" if build is not None else ""))
    in_parallel(jobs)
    if build is not None:
        wheel = next(WHEELS.glob(f"ros_{INTERFACES}-*.whl"))
        run_pip("install", *local, "--force-reinstall", str(wheel))


def installed_packages() -> set:
    """Lines "name==version" of .venv, spelled as the lock spells them; local version tags are dropped."""
    code = (
        "import importlib.metadata as m\n"
        "for d in m.distributions():\n"
        "    if not str(d._path).endswith('.egg-info'): print(d.metadata['Name'] + '==' + d.version.split('+')[0])"
    )
    done = subprocess.run([str(PYTHON), "-I", "-c", code], capture_output=True, text=True)
    return set(done.stdout.split())


def in_parallel(jobs: list) -> None:
    """Run several pips; the first failure ends the others and is raised."""
    processes, errors = [], []

    def work(arguments: tuple) -> None:
        try:
            run_pip(*arguments, processes=processes)
        except SetupError as error:
            errors.append(error)
            for process in processes:
                process.terminate()

    threads = [threading.Thread(target=work, args=(job,)) for job in jobs]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive():
                thread.join(0.2)
    except KeyboardInterrupt:
        for process in processes:
            process.terminate()
        raise
    if errors:
        raise errors[0]


def run_pip(*arguments: str, processes=None) -> None:
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PIP_REQUIRE_VIRTUALENV", "PIP_USER")}
    # the isolated build environment reads its pins from here; pip takes a space in it for the start of another file
    environment["PIP_CONSTRAINT"] = (ROOT / "constraints.txt").as_uri()
    command = [str(PYTHON), *PIP, *arguments]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        cwd=VENV,
        env=environment,
    )
    if processes is not None:
        processes.append(process)
    output = process.communicate()[0]
    with LOG_IN_TURN, LOG.open("a") as log:
        log.write(f"$ pip {' '.join(arguments)}\n{output}\n")
    if process.returncode:
        what = "building the ROS interfaces" if str(ROOT / INTERFACES) in arguments else "getting packages"
        advice = "check the network and pip's index" if any(w in output for w in NETWORK_WORDS) else "see the log"
        raise SetupError(f"{what} failed: {last_line(output)} - {advice}, then run make again (log: {keep_log()})")


def keep_log() -> Path:
    """The next set-up starts with a new .venv; its log stays beside the repository's other run logs."""
    kept = ROOT / "log" / "setup.log"
    kept.parent.mkdir(exist_ok=True)
    partial = kept.with_name(f".{kept.name}.{os.getpid()}")
    with LOG_IN_TURN:
        shutil.copyfile(LOG, partial)
    os.replace(partial, kept)
    return kept.relative_to(ROOT)


def last_line(output: str) -> str:
    """The line in which pip or Python names the error, else the last one."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    named = [line.split("ERROR: ", 1)[1] for line in lines if "ERROR: " in line]
    return (named or lines or ["no output"])[-1][:300]


def digest_of(paths: list, text: str = "") -> str:
    """SHA-256 over names and contents of files and folders, and a text."""
    digest = hashlib.sha256(text.encode())
    for top in (ROOT / p for p in paths):
        files = [top] if top.is_file() else sorted(p for p in top.rglob("*") if p.is_file()) if top.is_dir() else []
        for path in files:
            if "__pycache__" not in path.parts:
                digest.update(f"{path.relative_to(ROOT)}\0".encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()


def stamped(name: str, digest: str) -> bool:
    path = STATE / name
    return path.is_file() and path.read_text() == digest


def stamp(name: str, digest: str) -> None:
    """Written whole or not at all: half a stamp must not be read by another set-up."""
    partial = STATE / f".{name}.{os.getpid()}"
    partial.write_text(digest)
    os.replace(partial, STATE / name)


def say(text: str) -> None:
    print(f"setup    {text}", flush=True)


if __name__ == "__main__":
    if sys.argv[1:] not in [[purpose] for purpose in SECTIONS]:
        sys.exit(f"usage: setup_environment.py {'|'.join(SECTIONS)}")
    sys.exit(main(sys.argv[1]))
