"""A node with servers of its own, in a thread and a context of its own: what stands for another machine."""

import threading
from contextlib import suppress

from rclpy._rclpy_pybind11 import RCLError
from rclpy.action import CancelResponse
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.context import Context
from rclpy.executors import MultiThreadedExecutor
from rclpy.node import Node

END_S = 60


class ServedNode:
    """Make what it serves with `node` and `accepts`, then `serve`.

    Attributes:
        servers: actions that are destroyed at the end; accepts: options of an action that may be cancelled.
    """

    def __init__(self, name: str, namespace: str):
        self.context = Context()
        self.context.init()
        self.node = Node(name, namespace=namespace, context=self.context, enable_rosout=False)
        self.group, self.servers = ReentrantCallbackGroup(), []
        self.accepts = dict(callback_group=self.group, cancel_callback=lambda _: CancelResponse.ACCEPT)

    def serve(self) -> None:
        self.executor = MultiThreadedExecutor(4, context=self.context)
        self.executor.add_node(self.node)
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._spin, daemon=True)
        self.thread.start()

    def _spin(self) -> None:
        while not self.ended.is_set():
            # a server that is destroyed may be asked for its messages just then
            with suppress(RCLError):
                self.executor.spin_once(timeout_sec=0.5)

    def close(self) -> None:
        self.ended.set()
        self.executor.shutdown()
        self.thread.join(END_S)
        for server in self.servers:
            server.destroy()
        self.node.destroy_node()
        self.context.try_shutdown()
