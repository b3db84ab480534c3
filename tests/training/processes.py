"""`training.train` in processes of its own, forked from one that has imported the trainer: that takes ten seconds."""

import multiprocessing
import os
import socket
import sys
from multiprocessing.process import BaseProcess

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["training.trainer"])
TRAIN_S = 300


def start(*arguments: str, **environment: str) -> BaseProcess:
    process = CONTEXT.Process(target=_train, args=(arguments, environment))
    process.start()
    return process


def train(count: int, *arguments: str) -> None:
    """Train in that many processes without a GPU; several learn of each other as torchrun's do."""
    ranks = [start(*arguments, **environment) for environment in (_of_ranks(count) if count > 1 else [{}])]
    for rank in ranks:
        rank.join(TRAIN_S)
    assert [rank.exitcode for rank in ranks] == [0] * count


def _of_ranks(count: int) -> list[dict[str, str]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        shared = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1]), "WORLD_SIZE": str(count)}
    return [shared | {"RANK": str(k), "LOCAL_RANK": str(k)} for k in range(count)]


def _train(arguments: tuple[str, ...], environment: dict[str, str]) -> None:
    os.environ.update(environment, CUDA_VISIBLE_DEVICES="")
    sys.argv = ["training.train", *arguments]
    import torch

    from training.train import main

    torch.set_num_threads(1)
    main()
