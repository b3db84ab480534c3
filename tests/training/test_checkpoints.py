"""What a run starts from that is no such thing."""

import pytest
import torch

from tavid_planner.errors import ErrorCode, InputError
from training.checkpoints import start_weights


@pytest.mark.parametrize("held", [b"", b"text", [1.0], {"vae": 3.0}, torch.ones(2)], ids=str)
def test_a_file_of_something_else_is_named(tmp_path, held):
    path = tmp_path / "last.pt"
    if isinstance(held, bytes):
        path.write_bytes(held)
    else:
        torch.save(held, path)
    with pytest.raises(InputError, match="last.pt is not weights to start from") as error:
        start_weights(str(path))
    assert error.value.code is ErrorCode.FILE_INVALID


def test_a_folder_with_damaged_weights_is_named(tmp_path):
    (tmp_path / "vae").mkdir()
    (tmp_path / "vae" / "model.safetensors").write_bytes(b"text")
    with pytest.raises(InputError, match=f"{tmp_path.name} is not weights to start from") as error:
        start_weights(str(tmp_path))
    assert error.value.code is ErrorCode.FILE_INVALID
