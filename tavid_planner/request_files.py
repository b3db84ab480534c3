"""A request as files and plain values, from a command line or a line of JSON."""

from dataclasses import dataclass, fields
from pathlib import Path

from hoi_motion.arrays import LONGEST_WAY_M
from hoi_motion.camera import GIVEN, OF_PHOTO
from hoi_motion.errors import shown
from hoi_motion.scripts.scene_options import intrinsics_in, is_four_numbers, known_scene
from tavid_planner.errors import ErrorCode, InputError
from tavid_planner.request import InteractionRequest

FILES = ("image", "mask", "actor_mask", "depth", "camera_pose")


@dataclass(frozen=True)
class RequestFiles:
    """The sources of an `InteractionRequest`; names and meanings are those of tavid-plan's options.

    Attributes:
        instances: NAME:ROLE:FILE each, instead of mask and actor_mask.
        intrinsics: "FX,FY,CX,CY" in pixels of the image, or a file; without it, what the image's EXIF says.
    """

    image: str
    instruction: str
    mask: str | None = None
    actor_mask: str | None = None
    instances: tuple[str, ...] = ()
    intrinsics: str | None = None
    depth: str | None = None
    camera_pose: str | None = None
    support_height: float | None = None
    floor_height: float | None = None
    seed: int = 0
    samples: int = 1
    robot: str = ""

    @classmethod
    def of_mapping(cls, data: dict, folder: Path, beside: tuple[str, ...] = ()) -> "RequestFiles":
        """From a line of JSON, whose file names are relative to `folder`.

        Args:
            beside: names that the line may have had besides, for the error that lists the valid ones.

        Raises:
            InputError: CONFIG_INVALID for an unknown or missing name, or a value of the wrong type.
        """
        valid = [f.name for f in fields(cls)]
        for name, value in data.items():
            if name not in valid:
                raise InputError(
                    ErrorCode.CONFIG_INVALID,
                    f"unknown name {shown(name)}",
                    f"valid names: {', '.join((*beside, *valid))}",
                )
            if not _fits(name, value):
                raise InputError(ErrorCode.CONFIG_INVALID, f"{name} is {shown(value)}, expected {_expected(name)}")
        if lacking := [name for name in ("image", "instruction") if not data.get(name)]:
            raise InputError(ErrorCode.CONFIG_INVALID, f"{' and '.join(lacking)} missing")
        if bool(data.get("mask")) == bool(data.get("instances")):
            raise InputError(
                ErrorCode.CONFIG_INVALID, "exactly one of mask and instances marks the target", "give one of them"
            )
        known = {name: str(folder / value) if name in FILES else value for name, value in data.items()}
        if "intrinsics" in known and not is_four_numbers(known["intrinsics"], folder):
            known["intrinsics"] = str(folder / known["intrinsics"])
        if "instances" in known:
            known["instances"] = tuple(_from_folder(text, folder) for text in known["instances"])
        return cls(**known)

    @property
    def files(self) -> tuple[str, ...]:
        """All files that are read, in order."""
        named = [getattr(self, name) for name in FILES]
        if self.intrinsics and not is_four_numbers(self.intrinsics):
            named.append(self.intrinsics)
        return (*filter(None, named), *(text.split(":", 2)[-1] for text in self.instances))

    def read(self, say_note=lambda text: None, **found) -> InteractionRequest:
        """Read the files.

        Args:
            say_note: called with a sentence on how a file was read that could be read in another way.
            found: fields of the request that are already known, such as a target mask found under a click.

        Raises:
            InputError: a 1xx code that names the file and what is wrong with it.
        """
        from hoi_motion.media.image_files import read_depth, read_image, read_mask
        from hoi_motion.media.stated_focal import stated_intrinsics

        if self.instances and self.actor_mask:
            raise InputError(
                ErrorCode.CONFIG_INVALID,
                "--actor-mask and --instance are both given",
                "mark the actor with --instance NAME:actor:FILE",
            )
        rgb = read_image(self.image)
        if self.intrinsics:
            intrinsics, source = intrinsics_in(self.intrinsics, rgb.shape[:2], say_note), GIVEN
        else:
            intrinsics, source = stated_intrinsics(self.image, rgb.shape[:2], say_note), OF_PHOTO
        given = dict(
            intrinsics=intrinsics,
            intrinsics_source=source,
            depth_m=read_depth(self.depth, say_note) if self.depth else None,
            seed=self.seed,
            samples=self.samples,
            robot=self.robot,
            known=known_scene(self),
        )
        if self.instances:
            instances = [_instance(text, say_note) for text in self.instances]
            return InteractionRequest.of_instances(rgb, instances, self.instruction, **given)
        if "target_mask" not in found:
            found["target_mask"] = read_mask(self.mask, "target mask", say_note)
        actor_mask = read_mask(self.actor_mask, "actor mask", say_note) if self.actor_mask else None
        return InteractionRequest(rgb, instruction=self.instruction, actor_mask=actor_mask, **given, **found)


def _fits(name: str, value) -> bool:
    if name == "instances":
        return isinstance(value, list) and all(isinstance(text, str) for text in value)
    if isinstance(value, bool):
        return False
    if name in ("support_height", "floor_height"):
        # written so that NaN fails, and an integer that fits into no float
        return value is None or isinstance(value, (int, float)) and abs(value) <= LONGEST_WAY_M
    if name in (*FILES, "intrinsics"):  # an empty one would be left out without a word
        return isinstance(value, str) and value != ""
    return isinstance(value, int if name in ("seed", "samples") else str)


def _expected(name: str) -> str:
    if name == "instances":
        return "a list of NAME:ROLE:FILE"
    if name in ("support_height", "floor_height"):
        return "metres"
    if name in FILES:
        return "the name of a file"
    if name == "intrinsics":
        return "fx,fy,cx,cy or the name of a file"
    return "an integer" if name in ("seed", "samples") else "a text"


def _from_folder(text: str, folder: Path) -> str:
    *named, file = text.split(":", 2)
    return ":".join([*named, str(folder / file)]) if len(named) == 2 else text


def _instance(text: str, say_note):
    from hoi_motion.media.image_files import read_mask
    from tavid_planner.instances import Instance

    name, _, rest = text.partition(":")
    role, _, file = rest.partition(":")
    if not file:
        raise InputError(
            ErrorCode.CONFIG_INVALID, f"--instance is {text[:100]!r}", "write NAME:ROLE:FILE, as in mug:target:mug.png"
        )
    return Instance(name, role, read_mask(file, f"mask of {name[:60]!r}", say_note))
