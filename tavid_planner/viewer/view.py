"""The plan in 3D as an HTML fragment: an orbit view, played in sync with the plan's videos.

Nothing is downloaded: three.js, scenes and videos are embedded in the page.
"""

import base64
import gzip
import json
from collections.abc import Mapping
from functools import lru_cache
from html import escape
from pathlib import Path

from hoi_motion.motion import SIDE_OF_HAND, HoiMotion
from tavid_planner.second_view import towards_viewer

HERE = Path(__file__).parent
# where the camera's picture was taken from is found behind the person's own side
CAMERA_VIEW = "camera"
SIDE_VIEW = "side"
TOP_VIEW = "top"
SPEEDS = {"0.25": "¼ speed", "0.5": "½ speed", "1": "true time", "2": "twice"}
# looking straight down leaves "up" in the picture undefined
TOP_TILT = 0.02


def view_style() -> str:
    """The view's CSS, for the page's <style>."""
    return (HERE / "view.css").read_text()


def view_html(motion: HoiMotion, scene_glb: bytes, clips: Mapping[str, bytes], robot_glb: bytes | None = None) -> str:
    """A section with its scripts, at most one per page.

    Args:
        motion: of the person, for contacts and camera; scene_glb: the same motion as written by `write_glb`.
        clips: caption -> mp4 with a frame for each of the motion's.
        robot_glb: a robot doing the same task, as written by `RobotScene.save_glb`.
    """
    figures = "".join(
        f'<figure><video src="data:video/mp4;base64,{_base64(data)}" controls muted playsinline preload="auto"></video>'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
        for caption, data in clips.items()
    )
    modes = '<button value="person">person</button><button value="robot">robot</button>' if robot_glb else ""
    looks = "".join(f'<button value="{name}">{name}</button>' for name in (SIDE_VIEW, CAMERA_VIEW, TOP_VIEW))
    speeds = "".join(
        f'<option value="{value}"{" selected" if value == "1" else ""}>{words}</option>'
        for value, words in SPEEDS.items()
    )
    packed = {"three": _three(), "person": _packed(scene_glb)}
    if robot_glb is not None:
        packed["robot"] = _packed(robot_glb)
    data = "".join(f'<script type="text/plain" data-packed="{name}">{text}</script>\n' for name, text in packed.items())
    return (
        f'<section class="card view" data-state="loading" data-facts="{escape(json.dumps(_facts(motion, robot_glb)))}">'
        '<div class="panes"><div class="stage">'
        '<canvas class="canvas" tabindex="0" aria-label="the plan in 3D"></canvas>'
        f'<div class="over"><div class="buttons modes"{"" if modes else " hidden"}>{modes}</div>'
        f'<div class="buttons looks" aria-label="seen from">{looks}</div></div>'
        '<p class="note">the 3D view is being made</p>'
        '<label class="with-ghost" hidden><input type="checkbox" class="ghost" checked>person</label></div>'
        f'<div class="clips">{figures}</div></div>'
        '<div class="bar" hidden><button class="play" aria-label="play"></button><div class="track">'
        '<input class="slider" type="range" min="0" step="0.01" value="0" aria-label="time">'
        '<div class="touches"></div></div><span class="time"></span>'
        f'<select class="speed" aria-label="speed">{speeds}</select></div></section>\n'
        f"{data}<script>{(HERE / 'view.js').read_text()}</script>\n"
    )


def view_page(*args, **kwargs) -> str:
    """A whole page with only the view, for an iframe; arguments as `view_html`."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>The plan in 3D</title>'
        "<style>body { margin: 0; background: #fff; font: 15px/1.5 system-ui, sans-serif; }"
        f"{view_style()}</style></head><body>\n{view_html(*args, **kwargs)}</body></html>\n"
    )


def _facts(motion: HoiMotion, robot_glb: bytes | None) -> dict:
    target = motion.target
    ahead = motion.camera.T_world_camera[:3, 2]
    return {
        "fps": motion.fps,
        "frames": motion.num_frames,
        "target": None if target is None else target.name,
        "robot": robot_glb is not None,
        "contacts": [
            {
                "bone": f"{SIDE_OF_HAND[c.hand]}_middle1",
                "from_s": c.start_frame / motion.fps,
                "to_s": c.end_frame / motion.fps,
            }
            for c in motion.contacts
        ],
        "views": {
            SIDE_VIEW: towards_viewer(motion, motion.transl_m[0]).tolist(),
            CAMERA_VIEW: (-ahead).tolist(),
            TOP_VIEW: (-TOP_TILT * ahead[:2]).tolist() + [1.0],
        },
    }


@lru_cache(maxsize=1)
def _three() -> str:
    return _packed((HERE / "three.min.js").read_bytes())


def _packed(data: bytes) -> str:
    # no timestamp: the same data gives the same page
    return _base64(gzip.compress(data, mtime=0))


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
