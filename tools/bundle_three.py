"""Makes tavid_planner/viewer/three.min.js anew from the npm packages named here. Needs npm, and its registry, once.

python3 tools/bundle_three.py

What comes of it is part of the repository: who uses or tests the project does not need this program. The same versions
give the same bytes, whose digest tests/tavid_planner/viewer/test_three.py holds.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

THREE = "three@0.187.0"
ESBUILD = "esbuild@0.28.2"
VIEWER = Path(__file__).resolve().parent.parent / "tavid_planner" / "viewer"


def main() -> int:
    if shutil.which("npm") is None:
        print("error: npm is not found - install Node.js", file=sys.stderr)
        return 4
    with tempfile.TemporaryDirectory() as folder:
        run = dict(cwd=folder, check=True)
        subprocess.run(["npm", "install", "--silent", "--no-save", "--no-audit", THREE, ESBUILD], **run)
        shutil.copy(VIEWER / "three_parts.js", folder)
        how = ["--bundle", "--minify", "--format=iife", "--global-name=THREE", "--legal-comments=inline"]
        esbuild = str(Path(folder) / "node_modules" / ".bin" / "esbuild")
        out = VIEWER / "three.min.js"
        subprocess.run([esbuild, "three_parts.js", *how, f"--outfile={out}"], **run)
        shutil.copy(Path(folder) / "node_modules" / "three" / "LICENSE", VIEWER / "three.LICENSE")
    return 0


if __name__ == "__main__":
    sys.exit(main())
