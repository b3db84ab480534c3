"""Motion files of other programs that lift people from video."""
