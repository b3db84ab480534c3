"""The tavid-* commands."""

from hoi_motion.scripts.interrupt import says_it_in_one_line

says_it_in_one_line()
