"""Messages between two processes over a socket pair; arrays are passed in anonymous shared memory.

The memory is an anonymous file (memfd) whose descriptor is sent with the message. It is freed with the last process
that maps it, so nothing is left behind however a process ends; named shared memory would need a surviving process to
remove it.
"""

import mmap
import os
import pickle
import socket
import struct
import tempfile
import threading
from multiprocessing.connection import wait

from tavid_planner.errors import ControlError, ErrorCode

HEADER = struct.Struct("<QI")  # bytes of the pickle, number of arrays in shared memory
SIZE = struct.Struct("<Q")
ALIGNMENT = 64  # alignment of every array, for vector instructions
PROTOCOL = 5  # the first protocol that passes large arrays out of band instead of copying them


class Channel:
    """One end of the channel. Sending is thread-safe; only one thread may receive.

    Both ends must belong to the same program: messages are unpickled.
    """

    def __init__(self, connection: socket.socket):
        self._socket = connection
        self._sending = threading.Lock()

    def send(self, message) -> None:
        """Send a message, or nothing of it.

        Raises:
            OSError: the other end is closed.
            ControlError: INTERNAL when there is no memory to share, or no descriptor for it.
        """
        buffers: list[pickle.PickleBuffer] = []
        content = pickle.dumps(message, PROTOCOL, buffer_callback=buffers.append)
        sizes = b"".join(SIZE.pack(b.raw().nbytes) for b in buffers)
        header = HEADER.pack(len(content), len(buffers))
        try:
            descriptor = _filled([b.raw() for b in buffers]) if buffers else None
        except OSError as error:
            raise _unshared(error.strerror or str(error)) from error
        try:
            with self._sending:
                # the descriptor travels with the header's first byte
                sent = socket.send_fds(self._socket, [header], [] if descriptor is None else [descriptor])
                self._socket.sendall(header[sent:] + sizes + content)
        finally:
            if descriptor is not None:
                os.close(descriptor)

    def receive(self, timeout_s: float | None = None):
        """The next message, None on timeout; its arrays are read-only.

        Raises:
            EOFError: the other end is closed.
            ControlError: INTERNAL when its arrays cannot be mapped; the message is lost.
        """
        if not wait([self._socket], timeout_s):
            return None
        try:
            header, descriptors, _, _ = socket.recv_fds(self._socket, HEADER.size, 1)
            try:
                header += self._exactly(HEADER.size - len(header)) if header else b""
                if not header:
                    raise EOFError("the other end is gone")
                length, count = HEADER.unpack(header)
                sizes = [SIZE.unpack(self._exactly(SIZE.size))[0] for _ in range(count)]
                content = self._exactly(length)
                if count and not descriptors:  # the system drops one for which there is no room
                    raise _unshared("too many open files")
                try:
                    views = _views(descriptors[0], sizes) if descriptors else []
                except OSError as error:
                    raise _unshared(error.strerror or str(error)) from error
            finally:
                for descriptor in descriptors:
                    os.close(descriptor)
        except ConnectionError as error:
            raise EOFError(str(error)) from error
        return pickle.loads(content, buffers=views)

    def close(self) -> None:
        self._socket.close()

    def _exactly(self, length: int) -> bytes:
        parts = []
        while length:
            part = self._socket.recv(min(length, 1 << 20))
            if not part:
                raise EOFError("the other end is gone in the middle of a message")
            parts.append(part)
            length -= len(part)
        return b"".join(parts)


def _unshared(why: str) -> ControlError:
    return ControlError(
        ErrorCode.INTERNAL,
        f"arrays cannot be passed between the processes: {why}",
        "free memory, or raise the limit of open files (ulimit -n)",
    )


def _filled(buffers: list[memoryview]) -> int:
    """Descriptor of shared memory with the buffers one after the other."""
    total = max(sum(_aligned(b.nbytes) for b in buffers), 1)
    descriptor = _anonymous_file()
    try:
        os.ftruncate(descriptor, total)
        with mmap.mmap(descriptor, total) as memory:
            start = 0
            for buffer in buffers:
                memory[start : start + buffer.nbytes] = buffer
                start += _aligned(buffer.nbytes)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _anonymous_file() -> int:
    if hasattr(os, "memfd_create"):
        return os.memfd_create("tavid-arrays", os.MFD_CLOEXEC)
    with tempfile.TemporaryFile() as file:  # anonymous as well
        return os.dup(file.fileno())


def _views(descriptor: int, sizes: list[int]) -> list[memoryview]:
    memory = memoryview(mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ))
    views, start = [], 0
    for size in sizes:
        views.append(memory[start : start + size])
        start += _aligned(size)
    return views


def _aligned(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT
