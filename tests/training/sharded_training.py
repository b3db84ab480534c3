"""`training.train` with sharded weights on a CPU, where accelerate itself offers no sharding; started by torchrun.

The settings are those of the file in the variable FSDP_CONFIG; what shards is accelerate's code for GPUs.
"""

import os
import runpy
from pathlib import Path

import accelerate
import yaml
from accelerate.utils import DistributedType, FullyShardedDataParallelPlugin

import training.trainer


class ShardedOnCpu(accelerate.Accelerator):
    def __init__(self, **options):
        super().__init__(**options)
        settings = yaml.safe_load(Path(os.environ["FSDP_CONFIG"]).read_text())["fsdp_config"]
        self.state.fsdp_plugin = FullyShardedDataParallelPlugin(
            fsdp_version=settings["fsdp_version"],
            auto_wrap_policy=settings["fsdp_auto_wrap_policy"].lower(),
            transformer_cls_names_to_wrap=[settings["fsdp_transformer_layer_cls_to_wrap"]],
            reshard_after_forward=settings["fsdp_reshard_after_forward"],
            state_dict_type=settings["fsdp_state_dict_type"],
            cpu_ram_efficient_loading=settings["fsdp_cpu_ram_efficient_loading"],
        )
        if self.mixed_precision != "no":
            self.state.fsdp_plugin.set_mixed_precision(self.mixed_precision)
        self.state.distributed_type = DistributedType.FSDP


training.trainer.Accelerator = ShardedOnCpu
runpy.run_module("training.train", run_name="__main__")
