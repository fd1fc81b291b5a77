"""Ramps go from one bound to the other, and no further."""

import numpy as np

from lipsyncd.face.ramp import eased, ramp


def test_a_ramp_rises_from_its_lower_bound_to_its_upper_one() -> None:
    assert [ramp(value, 2, 4) for value in (1, 2, 3, 4, 9)] == [0, 0, 0.5, 1, 1]


def test_a_ramp_whose_bounds_are_the_other_way_round_falls() -> None:
    assert [ramp(value, 4, 2) for value in (1, 2, 3, 4, 9)] == [1, 1, 0.5, 0, 0]


def test_what_is_eased_has_no_corner_at_either_end() -> None:
    shares = eased(np.linspace(-1, 2, 301))
    assert (shares[:101] == 0).all()
    assert (shares[200:] == 1).all()
    assert shares[150] == 0.5
    assert (np.diff(shares) >= 0).all()
    assert np.abs(np.diff(shares, 2)).max() < 7e-4
