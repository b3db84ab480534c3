"""What is no robot is refused by the name of its element."""

import xml.etree.ElementTree as xml
from pathlib import Path

import pinocchio
import pytest

from hoi_motion.errors import RetargetError
from hoi_motion.retarget.robots.structure import MAX_AXES, MAX_DEPTH, MAX_LINKS, check_structure

BASE = """<robot name="r"><link name="a"/><link name="b"/>
<joint name="ab" type="revolute"><parent link="a"/><child link="b"/><axis xyz="0 0 1"/>
<limit lower="-1" upper="1" velocity="2" effort="3"/></joint></robot>"""
FIXED = '<joint name="{}" type="fixed"><parent link="{}"/><child link="{}"/></joint>'


def check(text: str) -> None:
    check_structure(xml.fromstring(text), Path("r.urdf"))


def with_more(more: str) -> str:
    return BASE.replace("</robot>", more + "</robot>")


def shape(made: str, tag: str = "collision") -> str:
    return BASE.replace('<link name="b"/>', f'<link name="b"><{tag}><geometry>{made}</geometry></{tag}></link>')


@pytest.mark.parametrize(
    "text, words",
    [
        (with_more('<link name="b"/>'), "2 links called 'b'"),
        (with_more('<link name="c"/>' + FIXED.format("ab", "b", "c")), "2 joints called 'ab'"),
        (with_more("<link/>"), "link 3 .* has no name"),
        (with_more('<link name="c"/>'), "2 roots: a, c"),
        (
            with_more('<link name="c"/>' + FIXED.format("ac", "a", "c") + FIXED.format("bc", "b", "c")),
            "'c' .* two joints",
        ),
        (with_more(FIXED.format("ba", "b", "a")), "'a' .* is its own ancestor"),
        (with_more('<link name="c"/>' + FIXED.format("c", "nowhere", "c")), "'c' .* the parent 'nowhere'"),
        (BASE.replace("revolute", "screw"), "'ab' .* type 'screw'"),
        (BASE.replace('xyz="0 0 1"', 'xyz="0 0 0"'), "'ab' .* axis '0 0 0'"),
        (BASE.replace('xyz="0 0 1"', 'xyz="0 0 1e-300"'), "'ab' .* axis '0 0 1e-300'"),
        (BASE.replace('xyz="0 0 1"', 'xyz="0 0 1e300"'), "'ab' .* axis '0 0 1e300'"),
        (BASE.replace('upper="1"', 'upper="-2"'), "'ab' .* from -1 to -2"),
        (BASE.replace('velocity="2"', 'velocity="fast"'), "'ab' .* velocity 'fast'"),
        (BASE.replace('<axis xyz="0 0 1"/>', '<origin xyz="0 0 nan"/>'), "'ab' .* xyz '0 0 nan'"),
        (BASE.replace("<axis", '<dynamics damping="nan"/><axis'), "'ab' .* damping 'nan'"),
        (BASE[: BASE.index("<limit")] + "</joint></robot>", "'ab' .* no <limit>"),
        (shape('<box size="0.1 0.1"/>'), "'b' .* box with size '0.1 0.1'"),
        (shape('<box size="0.1 -0.1 0.1"/>', "visual"), "'b' .* box with size '0.1 -0.1 0.1'"),
        (shape('<sphere radius="inf"/>'), "'b' .* sphere with radius 'inf'"),
        (shape('<cylinder radius="0.1"/>'), "'b' .* cylinder with length None"),
        (shape('<ellipsoid size="1 1 1"/>'), "'b' .* shape <ellipsoid>"),
        (shape(""), "'b' .* <collision> without a shape"),
        (shape('<mesh filename="a.stl" scale="1 0 1"/>'), "'b' .* scale '1 0 1'"),
        (
            BASE.replace('<link name="b"/>', '<link name="b"><inertial><mass value="-2"/></inertial></link>'),
            "mass '-2'",
        ),
        (
            BASE.replace(
                '<link name="b"/>',
                '<link name="b"><inertial><mass value="2"/><inertia ixx="0.1" iyy="nan"/></inertial></link>',
            ),
            "'b' .* inertia iyy 'nan'",
        ),
    ],
)
def test_what_is_no_robot_is_named(text, words):
    check(BASE)
    with pytest.raises(RetargetError, match=words):
        check(text)


@pytest.mark.parametrize("scale", ["1 -1 1", "0.001 0.001 0.001"])
def test_a_mirrored_or_small_mesh_is_one(scale):
    check(shape(f'<mesh filename="a.stl" scale="{scale}"/>'))


def test_a_ball_that_is_written_as_a_capsule_is_one():
    check(shape('<capsule radius="0.1" length="0"/>'))


def test_speed_and_force_may_be_left_to_the_robots_file():
    check(BASE.replace(' velocity="2" effort="3"', ""))


def chain(links: int, kind: str = "fixed", limit: str = "") -> str:
    joints = (
        f'<link name="l{i}"/><joint name="j{i}" type="{kind}"><parent link="l{i - 1}"/><child link="l{i}"/>{limit}'
        for i in range(1, links)
    )
    return f'<robot name="r"><link name="l0"/>{"</joint>".join([*joints, ""])}</robot>'


def star(links: int) -> str:
    joints = (f'<link name="l{i}"/>' + FIXED.format(f"j{i}", "l0", f"l{i}") for i in range(1, links))
    return f'<robot name="r"><link name="l0"/>{"".join(joints)}</robot>'


LIMIT = '<limit lower="-1" upper="1"/>'


@pytest.mark.parametrize(
    "at_most, more, words",
    [
        (star(MAX_LINKS), star(MAX_LINKS + 1), "2001 links"),
        (chain(MAX_DEPTH), chain(MAX_DEPTH + 1), "a chain of 501 links"),
        (chain(MAX_AXES + 1, "revolute", LIMIT), chain(MAX_AXES + 2, "revolute", LIMIT), "have 201 axes"),
        (chain(MAX_AXES // 3 + 1, "spherical"), chain(MAX_AXES // 3 + 2, "spherical"), "have 201 axes"),
    ],
    ids=["links", "a chain", "axes", "axes of ball joints"],
)
def test_what_would_take_all_memory_or_overflow_the_stack_is_refused(at_most, more, words):
    check(at_most)
    with pytest.raises(RetargetError, match=words):
        check(more)


def test_a_chain_of_the_greatest_length_is_a_robot_for_pinocchio():
    assert pinocchio.buildModelFromXML(chain(MAX_DEPTH)).nframes > MAX_DEPTH
