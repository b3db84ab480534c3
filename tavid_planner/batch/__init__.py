"""Many requests from one file, answered by several processes of a machine or of a Ray cluster, each of them once."""
