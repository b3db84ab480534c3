"""Many requests from one file, each answered once, by several processes on one machine or a Ray cluster."""
