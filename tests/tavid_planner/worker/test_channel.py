"""Messages arrive as they were sent, arrays without a copy of their own, and nothing keeps a name."""

import errno
import os
import resource
import socket
import threading
from pathlib import Path

import numpy as np
import pytest

from tavid_planner.errors import ControlError
from tavid_planner.worker import channel
from tavid_planner.worker.channel import Channel


@pytest.fixture
def ends():
    first, second = (Channel(s) for s in socket.socketpair())
    yield first, second
    first.close()
    second.close()


def sent(ends, message):
    sender = threading.Thread(target=ends[0].send, args=(message,))
    sender.start()
    got = ends[1].receive(20)
    sender.join()  # with its own descriptor closed
    return got


@pytest.mark.parametrize(
    "message",
    [
        "a word",
        {"frames": np.arange(17 * 96 * 144 * 3, dtype=np.uint8), "depth": np.ones((3, 5), np.float32)},
        [np.zeros(0, np.float32), np.asfortranarray(np.arange(12.0).reshape(3, 4)), "x" * 3_000_000],
    ],
)
def test_message_arrives_as_it_was_sent(ends, message):
    got = sent(ends, message)
    np.testing.assert_equal(got, message)


def test_array_is_mapped_not_copied_and_cannot_be_written(ends):
    array = np.zeros((64, 64), np.float32)
    got = sent(ends, array)
    assert not got.flags.owndata and not got.flags.writeable


def test_memory_of_a_message_ends_with_its_arrays(ends):
    def mapped() -> int:
        return Path("/proc/self/maps").read_text().count("tavid-arrays")

    descriptors = len(os.listdir("/proc/self/fd"))
    got = sent(ends, np.zeros(100_000))
    assert mapped() == 1 and len(os.listdir("/proc/self/fd")) <= descriptors + 1
    del got
    assert mapped() == 0 and len(os.listdir("/proc/self/fd")) == descriptors


def test_a_timeout_gives_none_and_a_closed_end_raises(ends):
    assert ends[1].receive(0.01) is None
    ends[0].close()
    with pytest.raises(EOFError):
        ends[1].receive(1)


def test_end_in_the_middle_of_a_message_is_said():
    first, second = socket.socketpair()
    first.sendall(b"\x09\0\0\0")
    first.close()
    with second, pytest.raises(EOFError):
        Channel(second).receive(1)


def refused(*args):
    raise OSError(errno.ENOMEM, "Cannot allocate memory")


def test_what_cannot_be_shared_is_said_and_nothing_of_it_is_sent(ends, monkeypatch):
    monkeypatch.setattr(channel, "_anonymous_file", refused)
    with pytest.raises(ControlError, match="Cannot allocate memory"):
        ends[0].send(np.zeros(1000))
    ends[0].send("a word")
    assert ends[1].receive(20) == "a word"


def test_arrays_without_a_free_descriptor_are_an_error_and_the_next_message_arrives(ends):
    ends[0].send(np.zeros(1000))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(map(int, os.listdir("/proc/self/fd"))) + 1, hard))
    spare = []
    try:
        with pytest.raises(OSError):
            while True:
                spare.append(os.open(os.devnull, os.O_RDONLY))
        with pytest.raises(ControlError, match="open files"):
            ends[1].receive()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for descriptor in spare:
            os.close(descriptor)
    assert sent(ends, "a word") == "a word"
