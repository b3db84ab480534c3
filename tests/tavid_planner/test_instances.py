import numpy as np
import pytest

from hoi_motion.progress import CancelToken
from tavid_planner.errors import ControlError, ErrorCode, InputError
from tavid_planner.instances import Instance, checked_instances, id_map, other_people, with_another_actor

SIZE_PX = (20, 30)


def marked(name: str, role: str, column: int, width: int = 4) -> Instance:
    mask = np.zeros(SIZE_PX, bool)
    mask[4:12, column : column + width] = True
    return Instance(name, role, mask)


def test_the_target_comes_first_then_the_actor_then_the_others_as_given():
    given = [
        marked("bowl", "other", 0),
        marked("woman", "actor", 5),
        marked("jar", "other", 10),
        marked("mug", "target", 15),
    ]
    assert [i.name for i in checked_instances(given, SIZE_PX)] == ["mug", "woman", "bowl", "jar"]


def test_the_other_actor_is_the_instance_closest_in_size():
    given = [
        marked("mug", "target", 0),
        marked("woman", "actor", 5, 9),
        marked("jar", "other", 15),
        marked("man", "other", 20, 8),
    ]
    exchanged = with_another_actor(checked_instances(given, SIZE_PX))
    masks = {i.name: i.mask for i in given}
    assert [(i.name, i.role) for i in exchanged] == [(i.name, i.role) for i in given]
    expected = [masks[name] for name in ("mug", "man", "jar", "woman")]
    assert all(np.array_equal(i.mask, mask) for i, mask in zip(exchanged, expected))


def test_without_an_actor_or_others_nobody_else_can_act():
    for given in ([marked("mug", "target", 0), marked("jar", "other", 15)], [marked("mug", "target", 0)]):
        assert with_another_actor(checked_instances(given, SIZE_PX)) is None


def test_a_small_thing_beside_the_actor_is_no_other_person():
    jar, man = marked("jar", "other", 15, 2), marked("man", "other", 20, 8)
    given = [marked("mug", "target", 0), marked("woman", "actor", 5, 9), jar, man]
    assert [i.name for i in other_people(checked_instances(given, SIZE_PX))] == ["man"]
    assert with_another_actor(checked_instances(given[:3], SIZE_PX)) is None


def test_a_long_role_is_quoted_short():
    with pytest.raises(InputError, match="has the role 'xxx") as error:
        checked_instances([marked("mug", "x" * 5000, 0)], SIZE_PX)
    assert len(str(error.value)) < 200


def test_masks_of_neighbours_may_touch():
    assert len(checked_instances([marked("mug", "target", 5, 11), marked("jar", "other", 15, 11)], SIZE_PX)) == 2


@pytest.mark.parametrize(
    "instances, code, quoted",
    [
        ([marked("mug", "target", 0), marked("jar", "target", 9)], ErrorCode.CONFIG_INVALID, "mug, jar"),
        (
            [marked("man", "actor", 0), marked("woman", "actor", 9), marked("mug", "target", 20)],
            ErrorCode.CONFIG_INVALID,
            "man, woman",
        ),
        ([marked("mug", "other", 0)], ErrorCode.CONFIG_INVALID, "no instance has the role target"),
        ([marked("mug", "goal", 0)], ErrorCode.CONFIG_INVALID, "'goal'"),
        ([marked(" ", "target", 0)], ErrorCode.CONFIG_INVALID, "' '"),
        ([marked("mug", "target", 0), marked("mug", "other", 9)], ErrorCode.CONFIG_INVALID, "same name"),
        ([marked("mug\nverdict  PASS", "target", 0)], ErrorCode.CONFIG_INVALID, "holds"),
        ([marked("mug\udcff", "target", 0)], ErrorCode.CONFIG_INVALID, "holds"),
        ([marked(str(i), "other", 5 * i) for i in range(6)], ErrorCode.CONFIG_INVALID, "6 instances"),
        ([marked("mug", "target", 0), marked("jar", "other", 2)], ErrorCode.MASK_INVALID, "'mug' and 'jar'"),
        ([Instance("mug", "target", np.zeros(SIZE_PX, bool))], ErrorCode.MASK_EMPTY, "'mug'"),
        ([Instance("mug", "target", np.ones((3, 3), bool))], ErrorCode.SIZE_MISMATCH, "'mug'"),
    ],
)
def test_impossible_settings_are_refused_by_name(instances, code, quoted):
    with pytest.raises(InputError) as error:
        checked_instances(instances, SIZE_PX)
    assert error.value.code is code and quoted in str(error.value)


def test_an_id_map_numbers_the_instances():
    numbers = id_map([marked("mug", "target", 0).mask, marked("jar", "other", 10).mask])
    assert numbers[5, 1] == 1 and numbers[5, 11] == 2 and numbers[0, 0] == 0


@pytest.fixture(scope="module")
def two_people():
    from training.scenes.company import generate_company_scene

    return generate_company_scene(900_103, 192, 288, 2, kind="which_actor")


def test_each_of_two_people_can_be_the_actor(two_people):
    from tavid_planner.instances import check_somebody_is_marked

    for person in (1, two_people.company.companion_id):
        check_somebody_is_marked(two_people.frames[0], two_people.instance_ids[0] == person)


def test_an_actor_mask_on_nobody_is_refused_by_name(two_people):
    from tavid_planner.instances import check_somebody_is_marked

    corner = np.zeros(two_people.target_mask.shape, bool)
    corner[-30:, :30] = two_people.instance_ids[0][-30:, :30] == 0
    for mask in (two_people.target_mask, corner):
        with pytest.raises(InputError, match="actor mask of .* is not on a person"):
            check_somebody_is_marked(two_people.frames[0], mask)


def test_where_nobody_is_seen_no_actor_is_refused():
    from tavid_planner.instances import check_somebody_is_marked

    noise = np.random.default_rng(0).integers(0, 255, (96, 144, 3), dtype=np.uint8)
    mask = np.zeros((96, 144), bool)
    mask[10:60, 20:60] = True
    check_somebody_is_marked(noise, mask)


def test_a_detector_that_fails_is_no_picture_without_people():
    from hoi_motion.errors import LiftError
    from tavid_planner.instances import check_somebody_is_marked

    class Broken:
        def detect(self, *_, **__):
            raise LiftError(ErrorCode.MODEL_MISSING, "its weights are gone")

    with pytest.raises(LiftError, match="weights are gone"):
        check_somebody_is_marked(np.zeros((32, 48, 3), np.uint8), np.ones((32, 48), bool), Broken())


def test_the_look_for_somebody_under_the_mask_is_cancelled():
    from tavid_planner.instances import check_somebody_is_marked

    token = CancelToken()
    token.cancel()
    with pytest.raises(ControlError) as caught:
        check_somebody_is_marked(np.zeros((32, 48, 3), np.uint8), np.ones((32, 48), bool), cancel=token)
    assert caught.value.code is ErrorCode.CANCELLED
