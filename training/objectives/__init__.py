"""What is minimised: the diffusion loss and the target attention loss."""
