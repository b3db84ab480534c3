"""An arm in physics that feels for what it handles: its wrist, the search, and ways back and on."""
