"""The plan in 3D inside the page: the report's view in a sandboxed iframe."""

from html import escape
from pathlib import Path

from hoi_motion.motion import HoiMotion
from tavid_planner.report import CLIPS
from tavid_planner.viewer.view import view_page

HEIGHT_PX = 730


def scene_frame(folder: Path) -> str:
    """An iframe made from a bundle's files, or a sentence if the scene could not be drawn."""
    scene = folder / "motion.glb"
    if not scene.is_file():
        return "<p>The scene could not be drawn; plan.json in the bundle says why.</p>"
    robot = next((folder / "robot").glob("*.glb"), None)
    clips = {words: (folder / name).read_bytes() for name, words in CLIPS.items() if (folder / name).is_file()}
    page = view_page(
        HoiMotion.load(folder / "motion.npz"),
        scene.read_bytes(),
        clips,
        None if robot is None else robot.read_bytes(),
    )
    # scripts run in an origin of their own, without access to the surrounding page
    return (
        f'<iframe title="the plan in 3D" sandbox="allow-scripts" srcdoc="{escape(page)}" '
        f'style="width:100%;height:{HEIGHT_PX}px;border:0"></iframe>'
    )
