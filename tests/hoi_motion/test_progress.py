import threading

import pytest

from hoi_motion.errors import ControlError, ErrorCode
from hoi_motion.progress import CancelToken


def test_a_token_cancelled_in_another_thread_raises_here():
    token = CancelToken()
    token.raise_if_cancelled()
    thread = threading.Thread(target=token.cancel)
    thread.start()
    thread.join()
    with pytest.raises(ControlError) as error:
        token.raise_if_cancelled()
    assert error.value.code is ErrorCode.CANCELLED
