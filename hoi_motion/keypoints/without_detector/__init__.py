"""People whom MediaPipe's detector of bodies does not find, by its landmark model alone."""
