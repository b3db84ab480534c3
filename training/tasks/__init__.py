"""What can be trained: an adapter, the base of a small model, its VAE. The loop around them is training.trainer."""
