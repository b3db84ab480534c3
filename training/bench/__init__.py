"""TargetBench: held-out scenes in classes of difficulty, and what a model is worth on them."""
