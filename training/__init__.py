"""Training of the mini model: scenes, data, objectives. Run from a checkout; nobody imports this package."""
