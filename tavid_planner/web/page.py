"""The page itself, in Gradio: a picture, a click, an instruction, and the resulting plan."""

import shutil
import tempfile
from pathlib import Path

import gradio as gr
import numpy as np

from hoi_motion.media.stated_focal import stated_intrinsics
from hoi_motion.retarget.robots.config import load_robot_config, robot_names
from hoi_motion.segment import MaskPrompt
from hoi_motion.segment.picture import outlined
from tavid_planner.config import load_profile, profile_names, share_folder
from tavid_planner.errors import ErrorCode, InputError, RetargetError, TavidError
from tavid_planner.request import MAX_SAMPLES
from tavid_planner.web import words
from tavid_planner.web.runs import Step, packed, run
from tavid_planner.web.scene import scene_frame
from tavid_planner.web.uploads import KINDS, accepted_picture, check_drawing
from tavid_planner.web.visits import ACTOR, TARGET, Visit, Visits
from tavid_planner.worker.desk import PlannerDesk

TITLE = "tavid_planner"
HEAD = (
    "## Mark an object, say what should happen, see the plan\n"
    "Give a picture with one person, click the object, write one sentence. With the profile mini a plan takes 10 to 20 "
    "seconds on a CPU; large models need a GPU."
)
# in the order of the components that show them
SHOWN_FILES = ("film.mp4", "video.mp4", "overlay.mp4", "attention.png")
# how long a visitor's pictures are kept
CACHE_S = (600, 3600)
CLICK_TAB = "click"
NO_ROBOT = "none, or the profile's"
MARK_COLOUR = "#ff4646"


def shown_video(**options) -> gr.Video:
    """A place for a video that we have written for browsers, shown as it is.

    Gradio looks into videos with ffprobe, and fails on machines with an ffmpeg and no ffprobe.
    """
    video = gr.Video(interactive=False, **options)
    # no class of our own: Gradio writes a stub file beside the source of every one
    video.postprocess = lambda value: None if value is None else gr.FileData(path=str(value))
    return video


def drawing(**options) -> gr.ImageEditor:
    """A place to draw on a picture; what a visitor sends of it is checked before Gradio decodes it."""
    editor = gr.ImageEditor(**options)
    decoded = editor.preprocess

    def checked(payload):
        sent = payload if payload is None or payload.id is None else editor.blob_storage.get(payload.id)
        if sent is not None:
            files = [file for file in (sent.background, sent.composite, *(sent.layers or ())) if file is not None]
            try:
                check_drawing([file if isinstance(file, bytes) else file.path for file in files])
            except InputError as error:
                raise gr.Error(words.error_words(error), print_exception=False) from error
        return decoded(payload)

    editor.preprocess = checked
    return editor


class Page:
    """Event handlers of the page; a visit is identified by the browser's session.

    Args:
        desk: makes the plans, one at a time; visits: the open pages.
        default_profile: the one selected at first.
    """

    def __init__(self, desk: PlannerDesk, visits: Visits, default_profile: str = "mini"):
        self._desk, self._visits, self._default_profile = desk, visits, default_profile

    def build(self) -> gr.Blocks:
        with gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=CACHE_S) as blocks:
            gr.Markdown(HEAD)
            with gr.Row():
                with gr.Column():
                    self._inputs()
                with gr.Column():
                    self._outputs()
            self._connect()
            blocks.unload(self._leave)
        return blocks

    def _inputs(self) -> None:
        with gr.Tab("Upload"):
            kinds = [f".{kind.lower()}" for kind in KINDS] + [".jpg"]
            self.upload = gr.File(label="Photograph", file_types=kinds, type="filepath", height=120, elem_id="upload")
        with gr.Tab("Webcam"):
            # as a file: of what is no file but pixels, Gradio has decoded whatever it was sent
            self.webcam = gr.Image(
                sources=["webcam"], type="filepath", image_mode=None, label="Webcam", height=240, elem_id="webcam"
            )
        with gr.Tab("Bundled frame"):
            self.bundled = gr.Button("Take the bundled frame", elem_id="bundled")
        self.what = gr.Radio([TARGET, ACTOR], value=TARGET, label="A click marks the", elem_id="what")
        with gr.Tabs() as self.ways:
            with gr.Tab("Click", id=CLICK_TAB):
                self.picture = gr.Image(
                    label="Click the middle of the object", interactive=False, buttons=[], elem_id="picture"
                )
            with gr.Tab("Strokes", id="strokes"):
                self.strokes = drawing(
                    label="Draw on the object, then mark it",
                    sources=(),
                    transforms=(),
                    layers=False,
                    type="numpy",
                    brush=gr.Brush(default_size=12, colors=[MARK_COLOUR], color_mode="fixed"),
                    buttons=[],
                    elem_id="strokes",
                )
                self.use_strokes = gr.Button("Mark what is under the strokes", elem_id="use-strokes")
        self.marked = gr.HTML(elem_id="marked")
        self.instruction = gr.Textbox(
            label="What happens", placeholder="picks up the [TGT] mug", max_length=1000, elem_id="instruction"
        )
        self.hint = gr.HTML(words.instruction_hint(""))
        with gr.Accordion("More", open=False):
            self.profile = gr.Dropdown(profile_names(), value=self._default_profile, label="Profile")
            self.samples = gr.Slider(
                1, min(8, MAX_SAMPLES), value=1, step=1, label="Samples, of which the best is kept"
            )
            self.seed = gr.Number(0, precision=0, minimum=0, label="Seed")
            self.robot = gr.Dropdown(
                [NO_ROBOT, *_ready_robots()], value=NO_ROBOT, label="Robot that carries it out", elem_id="robot"
            )
        with gr.Row():
            self.plan = gr.Button("Plan", variant="primary", elem_id="plan")
            self.cancel = gr.Button("Cancel", elem_id="cancel")

    def _outputs(self) -> None:
        self.status = gr.HTML(elem_id="status")
        self.film = shown_video(show_label=False, autoplay=True, loop=True, elem_id="film")
        with gr.Tab("3D"):
            self.scene = gr.HTML(elem_id="scene")
        with gr.Tab("Video"):
            self.video = shown_video(label="As imagined", elem_id="video")
        with gr.Tab("Overlay"):
            self.overlay = shown_video(label="Lifted, over the video", elem_id="overlay")
        with gr.Tab("Attention"):
            self.attention = gr.Image(label="Where the video looks at the target word", interactive=False)
        with gr.Tab("Checks"):
            self.checks = gr.HTML(elem_id="checks-tab")
        self.bundle = gr.DownloadButton("Download the bundle", interactive=False, elem_id="bundle")

    def _connect(self) -> None:
        # the page offers no programming interface
        hidden = dict(api_visibility="private", show_progress="hidden")
        shown = [self.picture, self.strokes, self.marked]
        self.upload.upload(self._take_upload, self.upload, shown, **hidden)
        self.webcam.input(self._take_upload, self.webcam, shown, **hidden)
        self.bundled.click(self._take_bundled, None, [*shown, self.instruction, self.hint], **hidden)
        self.picture.select(self._click, self.what, [self.picture, self.marked], **hidden)
        answer = [self.picture, self.marked, self.ways]
        self.use_strokes.click(self._use_strokes, [self.strokes, self.what], answer, **hidden)
        self.instruction.change(words.instruction_hint, self.instruction, self.hint, **hidden)
        results = [self.film, self.video, self.overlay, self.attention, self.scene, self.checks, self.bundle]
        self.plan.click(
            self._plan,
            [self.instruction, self.profile, self.samples, self.seed, self.robot],
            [self.status, *results],
            concurrency_limit=None,
            **hidden,
        )
        self.cancel.click(self._cancel, None, None, queue=False, **hidden)

    def _take_upload(self, path: str | None, request: gr.Request):
        return self._show(path, request) if path else (gr.skip(),) * 3

    def _take_bundled(self, request: gr.Request):
        folder = share_folder() / "config" / "demo"
        instruction = (folder / "instruction.txt").read_text().strip()
        shown = self._show(folder / "frame.png", request)
        return *shown, instruction, words.instruction_hint(instruction)

    def _show(self, path, request: gr.Request):
        try:
            visit, rgb = self._visits.of(request.session_hash), accepted_picture(path)
            visit.show(rgb, stated_intrinsics(path, rgb.shape[:2]))
        except TavidError as error:
            return gr.skip(), gr.skip(), words.error_words(error)
        strokes = {"background": rgb, "layers": [], "composite": None}
        return rgb, strokes, "<small>Now click the middle of the object.</small>"

    def _click(self, what: str, event: gr.SelectData, request: gr.Request):
        column, row = event.index
        return self._mark(what, lambda visit: MaskPrompt(click_px=(int(column), int(row))), request)

    def _use_strokes(self, drawn: dict | None, what: str, request: gr.Request):
        answer = self._mark(what, lambda visit: MaskPrompt(scribble=_strokes(drawn, visit)), request)
        # the outline is drawn there
        found = isinstance(answer[0], np.ndarray)
        return *answer, gr.Tabs(selected=CLICK_TAB) if found else gr.skip()

    def _mark(self, what: str, prompt_for, request: gr.Request):
        try:
            visit = self._visits.of(request.session_hash)
            prompt = prompt_for(visit)
            rgb, found = visit.mark(what, prompt)
        except TavidError as error:
            return gr.skip(), words.error_words(error)
        return outlined(rgb, found.mask, prompt), words.found_words(what, found)

    def _plan(self, instruction: str, profile: str, samples, seed, robot: str, request: gr.Request):
        nothing = (gr.skip(),) * 7
        try:
            visit = self._visits.of(request.session_hash)
            if profile not in profile_names():
                raise InputError(ErrorCode.CONFIG_INVALID, f"profile is {profile!r}", "choose one from the list")
            asked = visit.request(instruction, seed, samples, "" if robot == NO_ROBOT else robot)
            for step in run(self._desk, visit, asked, load_profile(profile)):
                if step.error is not None:
                    yield words.error_words(step.error), *nothing
                elif step.made is not None:
                    yield self.answer(visit, step)
                else:
                    yield words.progress_words(step.done, step.place), *nothing
        except TavidError as error:
            yield words.error_words(error), *nothing

    def answer(self, visit: Visit, step: Step) -> list:
        """A finished plan's values for the page's components, in the order of the list in `_connect`."""
        made = step.made
        told = [*made.reasons, *made.motion.notes]
        try:
            *pictures, bundle = _copies(visit, made.folder)
        except OSError as error:  # the plan is whole, and the rest of it is shown
            visit.forget_shown()
            *pictures, bundle = [None] * (len(SHOWN_FILES) + 1)
            told.append(f"its videos and the bundle cannot be handed over: {error.strerror or error}")
        return [
            words.verdict_words(made.report, tuple(told), step.seconds),
            *pictures,
            scene_frame(made.folder),
            words.checks_table(made.report),
            gr.DownloadButton("Download the bundle", value=bundle, interactive=bundle is not None),
        ]

    def _cancel(self, request: gr.Request) -> None:
        self._visits.of(request.session_hash).cancel_plan()

    def _leave(self, request: gr.Request) -> None:
        self._visits.leave(request.session_hash)


def _copies(visit: Visit, folder: Path) -> list[str | None]:
    """The SHOWN_FILES of a bundle, and all of it as a zip file, for the browser; None for one that is not there.

    Gradio serves these copies, in a temporary folder, and nothing else of the bundles.

    Raises:
        OSError: they cannot be written.
    """
    visit.forget_shown()
    visit.shown = Path(tempfile.mkdtemp(prefix="tavid-web-"))
    files = [folder / name for name in SHOWN_FILES]
    paths = [str(shutil.copy(file, visit.shown)) if file.is_file() else None for file in files]
    return [*paths, str(packed(folder, visit.shown))]


def _ready_robots() -> list[str]:
    """Robots whose URDF is installed; others need a URDF from the user, for which the page has no input."""
    ready = []
    for name in robot_names():
        try:
            load_robot_config(name)
        except RetargetError:
            continue
        ready.append(name)
    return ready


def _strokes(drawn: dict | None, visit: Visit) -> np.ndarray:  # (H, W) bool
    """The painted pixels at the picture's size.

    Raises:
        InputError: NO_IMAGE without a picture, MASK_EMPTY when nothing is painted.
    """
    import cv2

    height, width = visit.picture().shape[:2]
    painted = np.zeros((height, width), bool)
    for layer in (drawn or {}).get("layers", []):
        alpha = np.ascontiguousarray(layer[..., 3])
        painted |= cv2.resize(alpha, (width, height), interpolation=cv2.INTER_AREA) > 127
    if not painted.any():
        raise InputError(ErrorCode.MASK_EMPTY, "nothing is painted", "draw on the object with the brush")
    return painted
