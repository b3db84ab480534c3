"""Shared by all commands: exit code, one line on stderr, a traceback only with --debug, an orderly end."""

import argparse
import contextlib
import errno
import io
import os
import sys
import traceback
from collections.abc import Callable

from hoi_motion.errors import ControlError, ErrorCode, InputError, TavidError, VideoError
from hoi_motion.lazy import missing_package
from hoi_motion.scripts.interrupt import interrupts_arrive, was_interrupted
from hoi_motion.scripts.outputs import check_outputs

TEXT = "TEXT"
"""Metavar of sentences, which are checked by who reads them."""
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
REFUSED = (errno.EACCES, errno.EPERM, errno.ELOOP, errno.ENAMETOOLONG, errno.EIO, errno.ESTALE)


class _CheckingParser(argparse.ArgumentParser):
    def parse_args(self, args=None, namespace=None):  # pyright: ignore[reportIncompatibleMethodOverride]
        arguments = super().parse_args(args, namespace)
        check_outputs(arguments)
        return arguments

    def _get_values(self, action, arg_strings):
        # of a variable of the shell that is not set: the option would be left out without a word
        if "" in arg_strings and action.metavar != TEXT:
            raise argparse.ArgumentError(action, "its value is empty: give one, or leave the option out")
        return super()._get_values(action, arg_strings)


def command_parser(name: str, description: str) -> argparse.ArgumentParser:
    """An argument parser with the options that all commands share.

    No argument but a TEXT may be empty. An option that names a file to write has the type OutFile: parsing raises
    InputError OUTPUT_INVALID where it cannot be written or is a file that another argument names.
    """
    parser = _CheckingParser(prog=name, description=description)
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return parser


def say_note(text: str) -> None:
    """Print how an input was read that could have been read in another way."""
    print(f"note: {text}")


def run_command(function: Callable[[list[str]], int], argv: list[str] | None = None) -> int:
    """Run a command and return its exit code, however it ends.

    A command's `main(argv=None)` is `return run_command(_command, argv)`; `_command(argv)` parses its arguments with
    `command_parser`, works, and returns 0, or 3 for a plan that failed its check.

    Args:
        function: takes the arguments, returns the exit code, raises TavidError.
        argv: arguments without the program's name; None takes those of the process.

    Returns:
        0 done; 2 bad usage or input; 3 failed check; 4 a component is missing or broken; 130 cancelled.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    _open_standard_streams()
    # file names need not be valid text; printing such a name must not fail
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        with interrupts_arrive():
            code = function(arguments)
        sys.stdout.flush()
        return code
    except SystemExit as exit_request:  # argparse: 0 after --help, 2 after bad usage
        return exit_request.code if isinstance(exit_request.code, int) else 2
    except BrokenPipeError:  # the reader of our output has closed the pipe (`| head`)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (KeyboardInterrupt, Exception) as error:
        if "--debug" in arguments:
            traceback.print_exc()
        error = as_tavid_error(error)
        with contextlib.suppress(OSError):  # nobody reads it, but the exit code tells
            print(f"error: {error}", file=sys.stderr, flush=True)
        return error.exit_code


def _open_standard_streams() -> None:
    """Replace those that the caller has closed (`>&-`): else the next file that is opened would take their place."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    sys.stdout, sys.stderr = (
        stream if stream is not None else open(os.devnull, "w") for stream in (sys.stdout, sys.stderr)
    )


def as_tavid_error(error: BaseException) -> TavidError:
    """Whatever ended the work, as an error with a code; INTERNAL for what nobody foresaw."""
    if isinstance(error, TavidError):
        return error
    if was_interrupted(error):
        return ControlError(ErrorCode.CANCELLED, "cancelled")
    if isinstance(error, MemoryError):
        return VideoError(ErrorCode.OUT_OF_MEMORY, "out of memory", "close other programs or take a shorter clip")
    if isinstance(error, ImportError):
        return missing_package(error)
    if isinstance(error, OSError) and error.errno in NO_ROOM:
        where = "" if error.filename is None else f" {error.filename}"
        hint = "free space there, or choose another place"
        return InputError(ErrorCode.OUTPUT_INVALID, f"cannot write{where}: {error.strerror}", hint)
    if isinstance(error, OSError) and error.errno in REFUSED and error.filename is not None:
        told = f"cannot use {error.filename}: {error.strerror}"
        return InputError(ErrorCode.FILE_INVALID, told, "check who may read and write it, or name another place")
    if isinstance(error, FileNotFoundError) and _is_nowhere():
        return InputError(ErrorCode.FILE_INVALID, "the current folder has been removed", "change to one that exists")
    return ControlError(
        ErrorCode.INTERNAL, f"{type(error).__name__}: {error}", "run again with --debug, and please report it"
    )


def _is_nowhere() -> bool:
    try:
        os.getcwd()
    except FileNotFoundError:
        return True
    return False
