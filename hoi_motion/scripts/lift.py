"""hoi-lift: any video with a first-frame mask to 3D."""

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from hoi_motion.errors import ErrorCode, InputError
from hoi_motion.io.formats import READABLE, TIMELESS, format_of, read_motion, taking
from hoi_motion.keypoints.sources import HELP
from hoi_motion.lift.track.sources import described, track_source
from hoi_motion.scripts.command import TEXT, command_parser, run_command, say_note
from hoi_motion.scripts.marking import add_marking_options, check_one_way, print_doubts, prompt_of, read_strokes
from hoi_motion.scripts.outputs import OutNpz, OutVideo, check_folder_is_kept
from hoi_motion.scripts.progress_bar import ProgressBar
from hoi_motion.scripts.scene_options import add_scene_options, intrinsics_in, known_scene
from hoi_motion.segment.answer import SegmentedMask
from hoi_motion.segment.sources import segment

if TYPE_CHECKING:
    from hoi_motion.lift import Clip
    from hoi_motion.media.video_file import VideoClip
    from hoi_motion.motion import HoiMotion


def main(argv: list[str] | None = None) -> int:
    return run_command(_lift, argv)


def _parser():
    parser = command_parser("hoi-lift", "Lifts a video of a person and one masked object to 3D motion (motion.npz).")
    parser.add_argument(
        "--video",
        required=True,
        metavar="FILE",
        help="any video, read as a player shows it; frames above 1280x720 pixels are scaled down",
    )
    parser.add_argument(
        "--mask", metavar="FILE", help="mask of the object in the first frame; or mark it with one of these:"
    )
    add_marking_options(parser, "pixels of the video's first frame")
    parser.add_argument("--out", type=OutNpz, required=True, metavar="FILE", help="motion to write (.npz)")
    parser.add_argument("--actor-mask", metavar="FILE", help="mask of the acting person in the first frame")
    camera = parser.add_mutually_exclusive_group()
    camera.add_argument("--camera-fx", type=float, metavar="PX", help="focal length; the centre is the image's")
    camera.add_argument(
        "--intrinsics",
        metavar="FX,FY,CX,CY",
        help="camera matrix in pixels of the video, or a file of it: a calibration of ROS, OpenCV and others (.yaml, "
        ".xml, .json, .npz), .npy, or text of 9 numbers",
    )
    parser.add_argument(
        "--depth",
        metavar="FILE",
        help="depth of the first frame: a 16-bit PNG, an .npy or .npz; integers in millimetres, floats in metres",
    )
    add_scene_options(parser)
    parser.add_argument(
        "--body",
        "--body-model",
        dest="body_model",
        default="",
        metavar="FILE",
        help="official SMPLX_NEUTRAL.npz; default: free body",
    )
    _add_person_options(parser)
    parser.add_argument(
        "--track",
        default="own",
        metavar="SOURCE",
        help=f"source of the object's track: {described()} (default own)",
    )
    parser.add_argument(
        "--still-world",
        action="store_true",
        help="take out of the motion what a moving camera does; default: as the video shows it, and the file says what",
    )
    parser.add_argument(
        "--steps",
        action="store_true",
        help="let legs that nobody sees step, as in a plan; default: they glide along, on average nearer to the truth",
    )
    parser.add_argument("--noun", default="", metavar=TEXT, help="the object's name (mug), for its shape")
    parser.add_argument(
        "--overlay", type=OutVideo, metavar="FILE", help="also write the video with the result drawn in (.mp4)"
    )
    return parser


def _add_person_options(parser) -> None:
    """Where the person's motion and keypoints come from."""
    parser.add_argument(
        "--human",
        metavar="FILE",
        help="the person's motion from another source (any format hoi-convert reads), one pose per video frame; only "
        "object and contacts are then lifted",
    )
    parser.add_argument(
        "--human-from", metavar="FORMAT", choices=READABLE, help="its format; default: detected from its content"
    )
    parser.add_argument(
        "--person",
        type=int,
        metavar="N",
        help=f"which person in that file, for {', '.join(taking('person'))} with several people",
    )
    parser.add_argument(
        "--keypoints",
        default="mediapipe",
        metavar="SOURCE",
        help=f"{HELP} (default %(default)s)",
    )
    parser.add_argument(
        "--save-keypoints", type=OutNpz, metavar="FILE", help="also write the keypoints (.npz), for --keypoints FILE"
    )


def _lift(argv: list[str]) -> int:
    arguments = _parser().parse_args(argv)
    check_one_way(arguments, {"--mask": arguments.mask})
    for option in ("human_from", "person"):
        if getattr(arguments, option) is not None and not arguments.human:
            told = f"--{option.replace('_', '-')} is given without --human"
            raise InputError(
                ErrorCode.CONFIG_INVALID, told, "it says how that file is read: leave it out, or give both"
            )

    from hoi_motion.keypoints.file import SavedKeypoints
    from hoi_motion.keypoints.sources import keypoint_source
    from hoi_motion.lift.config import LiftConfig
    from hoi_motion.media.video_file import read_video, write_video

    sources = dict(keypoints=arguments.keypoints, track=arguments.track)
    config = LiftConfig(body_model=arguments.body_model, steps=arguments.steps, **sources)
    track_source(config.track)
    keypoints = keypoint_source(config.keypoints)
    if arguments.save_keypoints:
        keypoints = SavedKeypoints(keypoints, arguments.save_keypoints)
    # pictures first: a wrong one is reported before the video is decoded
    pictures = _pictures(arguments)
    clip = read_video(arguments.video, config.max_frames)
    found = None if arguments.mask else _found(arguments, clip)
    seen = _seen(arguments, clip, pictures if found is None else pictures | {"target_mask": found.mask})
    known, human = known_scene(arguments), _human(arguments, clip)

    from hoi_motion.body import PosedBody, load_body
    from hoi_motion.ground.still_world import in_still_world
    from hoi_motion.lift import lift_video

    body = load_body(config.body_model, num_betas=0 if human is None else len(human.betas))
    with ProgressBar() as on_progress:
        how = dict(human=human, known=known, body=body, on_progress=on_progress)
        motion = lift_video(seen, config=config, keypoints=keypoints, **how)
    if found is not None:
        motion = motion.replace(notes=(*motion.notes, f"target mask from {found.words}"))
    in_video = _in_pixels_of(clip, in_still_world(motion, body) if arguments.still_world else motion)
    in_video.save(arguments.out)
    _print_summary(in_video)
    print(f"motion   {arguments.out}")
    # after the motion is saved: an error while drawing must not lose it
    if arguments.overlay:
        from hoi_motion.media.overlay import draw_overlay

        drawn = draw_overlay(clip.frames, motion, seen.target_mask, PosedBody(body, motion).keypoints_m)
        write_video(arguments.overlay, drawn, clip.fps)
    return 0


def _pictures(arguments) -> dict[str, np.ndarray | None]:
    """Masks and depth image of the first frame, as their files have them."""
    from hoi_motion.media.image_files import read_depth, read_mask

    return {
        "target_mask": read_mask(arguments.mask, "target mask", say_note) if arguments.mask else None,
        "actor_mask": read_mask(arguments.actor_mask, "actor mask", say_note) if arguments.actor_mask else None,
        "depth_m": read_depth(arguments.depth, say_note) if arguments.depth else None,
    }


def _seen(arguments, video: "VideoClip", pictures: dict[str, np.ndarray | None]) -> "Clip":
    """The clip to lift, everything at the size of its frames."""
    from hoi_motion.camera import checked_intrinsics
    from hoi_motion.lift import Clip
    from hoi_motion.masks import checked_depth, checked_mask

    target, actor, depth_m = (pictures[name] for name in ("target_mask", "actor_mask", "depth_m"))
    if arguments.mask:  # one that was found is of the frames' size
        target = video.fitted(checked_mask(target, video.size_of(target), "target mask"))
    if actor is not None:
        actor = video.fitted(checked_mask(actor, video.size_of(actor), "actor mask"))
    if depth_m is not None:
        depth_m = video.fitted(checked_depth(depth_m, video.size_of(depth_m)))
    intrinsics = _intrinsics(arguments, video)
    if intrinsics is not None:
        intrinsics = video.fitted_intrinsics(checked_intrinsics(intrinsics))
    return Clip(video.frames, video.fps, target, actor, intrinsics, depth_m, arguments.noun)


def _human(arguments, video: "VideoClip") -> "HoiMotion | None":
    """The person of another tool's file, at the frames that were taken from the video."""
    if not arguments.human:
        return None
    from hoi_motion.lift.person.given_human import on_frames_of

    check_folder_is_kept(arguments.human, arguments)
    source = arguments.human_from or format_of(arguments.human)
    fps = video.fps if source in TIMELESS else None
    human = read_motion(arguments.human, source, fps=fps, person=arguments.person)
    return on_frames_of(human, video.source_frames, video.source_count, video.fps) if video.resampled else human


def _found(arguments, clip) -> SegmentedMask:
    """The object marked in the first frame, at the size of the frames; doubts about it are printed."""
    from hoi_motion.masks import checked_mask

    shown_px = clip.shown_px or clip.size_px  # the image in which the user has clicked
    prompt = prompt_of(arguments).checked(shown_px, may_be_empty=arguments.scribble is not None)
    frame = clip.frames[0]
    prompt = prompt.scaled(np.array(frame.shape[1::-1]) / shown_px[::-1])
    if arguments.scribble is not None:
        strokes = read_strokes(arguments.scribble)
        strokes = clip.fitted(checked_mask(strokes, clip.size_of(strokes), "scribble"))
        prompt = replace(prompt, scribble=strokes)
    found = segment(frame, prompt, arguments.segmenter)
    print_doubts(found)
    return found


def _in_pixels_of(clip, motion):
    """The motion with the camera in the video's own pixels, and notes on what was done to the clip."""
    notes = list(motion.notes)
    if clip.resampled:
        notes.append(f"the video has a variable frame rate: lifted at {clip.fps:g} evenly spaced frames per second")
    height, width = clip.frames.shape[1:3]
    if clip.pixel_aspect != 1:
        notes.append(
            f"the video's pixels are {clip.pixel_aspect:g} times as wide as high: lifted with square ones, "
            f"{width}x{height}; the camera is for its own {clip.size_px[1]}x{clip.size_px[0]} pixels, "
            "so that fx and fy differ"
        )
    elif (clip.scale != 1).any():
        notes.append(
            f"lifted at {width}x{height}; the camera is for the video's {clip.size_px[1]}x{clip.size_px[0]} pixels"
        )
    camera = replace(
        motion.camera,
        K=clip.fitted_intrinsics(motion.camera.K, inverse=True),
        width=clip.size_px[1],
        height=clip.size_px[0],
    )
    return motion.replace(camera=camera, notes=tuple(notes))


def _intrinsics(arguments, clip) -> np.ndarray | None:
    """Intrinsics for the video's own pixels, which need not be square."""
    if arguments.camera_fx is not None:
        height, width = clip.size_px
        return np.array(
            [
                [arguments.camera_fx, 0, (width - 1) / 2],
                [0, arguments.camera_fx * clip.pixel_aspect, (height - 1) / 2],
                [0, 0, 1],
            ]
        )
    if arguments.intrinsics is None:
        return None
    return intrinsics_in(arguments.intrinsics, clip.size_px, say_note)


def _print_summary(motion) -> None:
    numbers = motion.diagnostics
    print(
        f"body     {motion.num_frames} frames, "
        f"reprojection error {100 * numbers['reprojection_error_mean']:.1f}% of the body height"
    )
    camera = motion.camera
    print(
        f"camera   focal length {camera.K[0, 0]:.0f} px, {camera.focal_source.replace('_', ' ')}; "
        f"pitch {numbers['camera_pitch_deg']:+.0f}, roll {numbers['camera_roll_deg']:+.1f} degrees"
    )
    size_cm = ", ".join(f"{100 * s:.0f}" for s in np.ptp(motion.target.vertices_m, axis=0))
    print(f"object   {motion.target.shape} of {size_cm} cm")
    print(
        f"distance {numbers['target_distance_m']:.2f} m, within {100 * numbers['target_distance_spread_m']:.0f} cm, by "
        f"{numbers['target_distance_source']}: {numbers['target_distance_why']}"
    )
    if not motion.contacts:
        print("contact  none")
    for c in motion.contacts:
        print(
            f"contact  {c.hand.replace('_', ' ')}, frames {c.start_frame} to {c.end_frame - 1}, "
            f"confidence {c.confidence:.2f}"
        )
    seconds = {name[8:]: value for name, value in numbers.items() if name.startswith("seconds_")}
    for note in motion.notes:
        print(f"note     {note}")
    print("seconds  " + ", ".join(f"{part} {value:.1f}" for part, value in seconds.items()))


if __name__ == "__main__":
    sys.exit(main())
