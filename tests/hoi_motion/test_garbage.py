import gc

from hoi_motion.garbage import no_collection


def test_the_search_goes_on_afterwards_also_after_an_error_and_where_one_is_inside_another():
    try:
        with no_collection(), no_collection():
            assert not gc.isenabled()
            raise KeyError
    except KeyError:
        pass
    assert gc.isenabled()


def test_who_has_turned_it_off_keeps_it_off():
    gc.disable()
    try:
        with no_collection():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
