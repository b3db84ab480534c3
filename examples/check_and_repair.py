"""Is a motion physically possible, and what is the smallest change that makes it so?

python examples/check_and_repair.py motion.npz fixed.npz
"""

import sys

from hoi_motion import Verdict, check_motion, read_motion, repair_motion, write_motion


def main(path: str, out: str) -> None:
    motion = read_motion(path)
    report = check_motion(motion)
    for check in report.checks:
        if check.verdict is Verdict.FAIL:
            print(f"{check.name}: {check.value:.3g} {check.unit}, limit {check.limit:g}: {check.reason}")
    result = repair_motion(motion)
    print(f"{report.verdict} before, {result.report.verdict} after: {result.reason}")
    write_motion(result.motion, out, "motion")


if len(sys.argv) != 3:
    sys.exit(__doc__)
main(*sys.argv[1:])
