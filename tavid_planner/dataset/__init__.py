"""Good plans as training data: LeRobot datasets and MCAP recordings, from bundles on disk."""
