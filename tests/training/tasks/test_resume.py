from dataclasses import replace

import pytest
import torch

from training.trainer import Trainer


@pytest.mark.parametrize("task", ["base", "vae"])
def test_stopped_run_goes_on_with_the_same_weights(task, request, tmp_path):  # the adapter: ../test_trainer.py
    config = request.getfixturevalue(f"{task}_config")
    whole = Trainer(config)
    whole.run()
    stopped = Trainer(replace(config, out=str(tmp_path / "stopped")))
    stopped.train_step()
    stopped.save()
    resumed = Trainer(replace(config, out=str(tmp_path / "stopped")))
    resumed.run()
    assert all(torch.equal(whole.trained[n], resumed.trained[n]) for n in whole.trained)
