"""From a video and the first-frame mask of one object to HoiMotion."""
