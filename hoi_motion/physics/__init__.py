"""Is the motion physically possible? Checks with value, limit, unit and worst frame."""
