"""Serving the page."""

import socket

import gradio as gr

from tavid_planner.errors import ErrorCode, InputError
from tavid_planner.web.page import Page
from tavid_planner.web.uploads import MAX_BYTES
from tavid_planner.web.visits import Visits
from tavid_planner.worker.desk import PlannerDesk

MAX_CALLS = 64
# of fonts: none is downloaded
FONTS = ("ui-sans-serif", "system-ui", "sans-serif")
MONO = ("ui-monospace", "monospace")


def serve(desk: PlannerDesk, visits: Visits, profile: str, host: str, port: int) -> None:
    """Serve the page until the process is stopped; prints its address.

    Raises:
        InputError: CONFIG_INVALID when it cannot listen on the address.
    """
    page, url = launched(desk, visits, profile, host, port)
    print(f"page     {url}", flush=True)
    page.block_thread()


def launched(desk: PlannerDesk, visits: Visits, profile: str, host: str, port: int) -> tuple[gr.Blocks, str]:
    """The page, served by a thread, and its address."""
    page = Page(desk, visits, profile).build()
    page.queue(max_size=MAX_CALLS, default_concurrency_limit=8, api_open=False)
    _, url, _ = page.launch(
        server_name=host,
        server_port=_free_port(host, port),
        share=False,
        quiet=True,
        prevent_thread_lock=True,
        show_error=False,
        max_file_size=MAX_BYTES,
        footer_links=[],
        run_history=False,
        ssr_mode=False,
        theme=gr.themes.Base(font=FONTS, font_mono=MONO),
    )
    return page, url


def _free_port(host: str, port: int) -> int:
    """The port itself, or a free one if it is 0."""
    try:
        with socket.create_server((host, port)) as probe:
            return probe.getsockname()[1]
    except OSError as error:
        raise InputError(
            ErrorCode.CONFIG_INVALID,
            f"cannot listen on {host}:{port}: {error.strerror or error}",
            "another page may be running: choose another --port, or 0 for a free one",
        ) from error
