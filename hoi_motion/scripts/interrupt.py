"""Ctrl-C ends a command in one line, whenever it comes and wherever it falls."""

import _thread
import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator

from hoi_motion.errors import ControlError, ErrorCode

ENDINGS = (signal.SIGTERM, signal.SIGHUP)
"""`kill`, and a terminal that is closed."""
LOST_AFTER_S = 0.2
"""Who catches an interrupt to clear up is still handling it then; who has dropped it is not."""
COMMANDS = ("hoi-", "tavid-")


def says_it_in_one_line() -> None:
    """Ctrl-C while a command's modules are imported, before `run_command`, prints no traceback.

    Called by the packages of commands when they are imported; in a process that is no command nothing changes.
    """
    # `python -m PACKAGE.X` imports the package before its module, with "-m" in place of the program's name
    if sys.argv[0] != "-m" and not os.path.basename(sys.argv[0]).startswith(COMMANDS):
        return
    before = sys.excepthook

    def hook(kind, error, trace) -> None:
        if not was_interrupted(error) or "--debug" in sys.argv:
            before(kind, error, trace)
            return
        with contextlib.suppress(OSError):
            print(f"error: {ControlError(ErrorCode.CANCELLED, 'cancelled')}", file=sys.stderr, flush=True)

    sys.excepthook = hook


def was_interrupted(error: BaseException | None) -> bool:
    """Whether an error is a KeyboardInterrupt, or came while one was handled, as where a library makes it its own."""
    seen: list[BaseException] = []
    while error is not None and error not in seen:
        if isinstance(error, KeyboardInterrupt):
            return True
        seen.append(error)
        error = error.__cause__ or error.__context__
    return False


@contextlib.contextmanager
def interrupts_arrive() -> Iterator[None]:
    """Ctrl-C and the signals that end a process are a KeyboardInterrupt, which comes again until it gets here.

    Python drops it in a `__del__` and while it collects garbage, a library with a bare `except`. Who handles it, to
    clear up, is left alone. Signals that something else handles, or that `nohup` ignores, are left as they are.
    """
    usual = {signal.SIGINT: signal.default_int_handler, **dict.fromkeys(ENDINGS, signal.SIG_DFL)}
    ours = [number for number, handler in usual.items() if signal.getsignal(number) is handler]
    main = threading.get_ident()
    if threading.current_thread() is not threading.main_thread():  # no other one may
        ours = []
    over = threading.Event()

    def interrupt(number: int, _) -> None:
        # not a threading.Thread: whose locks the main thread may hold just now
        _thread.start_new_thread(again, (number,))
        raise KeyboardInterrupt

    def again(number: int) -> None:
        time.sleep(LOST_AFTER_S)
        while not over.is_set():
            if not was_interrupted(_handled_by(main)):
                signal.pthread_kill(main, number)  # a new one, which is watched in turn
                return
            time.sleep(LOST_AFTER_S)

    def hook(unraisable) -> None:
        if not isinstance(unraisable.exc_value, KeyboardInterrupt):
            hook_before(unraisable)

    hook_before = sys.unraisablehook
    sys.unraisablehook = hook
    for number in ours:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        over.set()
        for number in ours:
            # who took it meanwhile, as the node does, keeps it
            if signal.getsignal(number) is interrupt:
                signal.signal(number, usual[number])
        sys.unraisablehook = hook_before


def _handled_by(thread: int) -> BaseException | None:
    """The exception that a thread is handling."""
    found = sys._current_exceptions().get(thread)
    return found[1] if isinstance(found, tuple) else found  # before Python 3.12: type, value and traceback
