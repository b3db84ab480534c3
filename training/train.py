"""Train a target-aware adapter, or the VAE or the base of a small model: the option `task` of the config says which.

    python -m training.train --config config/training/mini.yaml
    accelerate launch -m training.train --config config/training/tavid-5b.yaml out=runs/first attention.weight=0
    torchrun --nproc-per-node 2 -m training.train --config config/training/vae.yaml minutes=30

The run's folder gets `log.jsonl` (losses, every number by itself), `run.json` (config and digests), checkpoints,
validation pictures and, at the end, `adapter/` in the layout of the released TaViD weights, or the parts of a model in
`model/`. Started again, a run goes on where its last checkpoint is, with the losses that it would have had. On a CPU
two processes of one thread, which torchrun starts, do more steps than one process of two threads.
"""

import argparse
import json
import os
import sys
from contextlib import nullcontext
from dataclasses import asdict

from hoi_motion.errors import counted
from hoi_motion.lock import only_writer
from tavid_planner.errors import TavidError
from training.arguments import given_path
from training.configuration import load_training_config


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=given_path, required=True)
    parser.add_argument("options", nargs="*", help="option=value, in place of the file's")
    args = parser.parse_args()
    try:
        config = load_training_config(args.config, args.options)
        from training.trainer import Trainer

        with _alone_in(config.out):
            trainer = Trainer(config)
            losses = trainer.run()
    except TavidError as error:
        print(error, file=sys.stderr)
        _leave(2)
    if trainer.accelerator.is_main_process:
        print(
            f"{config.out}: {counted(trainer.step, 'step')}, {json.dumps(losses)}; options {json.dumps(asdict(config))}"
        )
    _leave(0)


def _alone_in(out: str):
    """Another training that writes to the same folder would overwrite this one's checkpoints; of the processes of one
    training, the first holds the folder for all.

    Raises:
        InputError: OUTPUT_INVALID when another training runs there.
    """
    first = int(os.environ.get("RANK", 0)) == 0
    return only_writer(out, "the run's folder") if first else nullcontext()


def _leave(code: int) -> None:
    """End this process; one of several without the interpreter's own end.

    A thread of torch's that frees a tensor meanwhile would abort it, or never let it end (pytorch#190489).
    """
    if int(os.environ.get("WORLD_SIZE", 1)) > 1:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


if __name__ == "__main__":
    main()
