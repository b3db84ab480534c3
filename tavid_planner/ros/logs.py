"""Python's logging through the node's logger, so that it reaches the terminal, /rosout and the log files."""

import logging

ROOMS = ("tavid_planner", "hoi_motion")


class RosLogHandler(logging.Handler):
    """Passes records to an rclpy logger."""

    def __init__(self, logger):
        super().__init__()
        self._logger = logger

    def emit(self, record: logging.LogRecord) -> None:
        text = self.format(record)
        # rclpy remembers the severity of each calling line, hence one line each
        if record.levelno >= logging.ERROR:
            self._logger.error(text)
        elif record.levelno >= logging.WARNING:
            self._logger.warning(text)
        elif record.levelno >= logging.INFO:
            self._logger.info(text)
        else:
            self._logger.debug(text)


def log_through(logger) -> RosLogHandler:
    """Send this project's log records to an rclpy logger, which applies its own level."""
    handler = RosLogHandler(logger)
    for room in ROOMS:
        room_logger = logging.getLogger(room)
        room_logger.addHandler(handler)
        room_logger.setLevel(logging.DEBUG)
        room_logger.propagate = False
    return handler
