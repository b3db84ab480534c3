"""Lift a video of a person and one masked object to 3D, and write it for any glTF viewer.

python examples/lift_a_video.py clip.mp4 mask.png motion.glb
"""

import sys

from hoi_motion import Clip, LiftConfig, lift_video, load_body, read_mask, read_video, write_motion


def main(video: str, mask: str, out: str) -> None:
    film = read_video(video, LiftConfig().max_frames)
    clip = Clip(film.frames, film.fps, film.fitted(read_mask(mask) > 0))
    body = load_body()
    motion = lift_video(clip, body=body, on_progress=lambda part, share: print(f"\r{part} {share:.0%}", end=""))
    print()
    for contact in motion.contacts:
        print(f"{contact.hand} on {contact.object_name}: frames {contact.start_frame} to {contact.end_frame - 1}")
    write_motion(motion, out, "glb", body)


if len(sys.argv) != 4:
    sys.exit(__doc__)
main(*sys.argv[1:])
