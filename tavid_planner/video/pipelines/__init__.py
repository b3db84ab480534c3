"""The pipelines of the families that `TargetAwarePipeline.from_pretrained` chooses from."""
