"""Names and ids from a file, as the data spell them."""

import pytest

from kdrun.teacher.spelling import as_known, from_one


@pytest.mark.parametrize(
    ("given", "known", "found"),
    [
        (["3.0", "003", "+3", "3."], ["3", "4"], ["3"] * 4),
        (["3"], ["3.0", "4.0"], ["3.0"]),
        (["3", "03"], ["3", "03"], ["3", "03"]),  # the data have both
        (["3.0"], ["3", "03"], ["3.0"]),  # which of the two?
        (["3.5", "cat", "3e0", "1_0", "٣"], ["3", "10"], ["3.5", "cat", "3e0", "1_0", "٣"]),
        (["0.50"], ["0.5"], ["0.5"]),
    ],
)
def test_only_the_spelling_of_numbers_is_mended(given, known, found):
    assert as_known(given, known) == found


@pytest.mark.parametrize(
    ("given", "count", "told"),
    [
        (["1", "2", "3"], 3, True),
        (["1.0", "3"], 3, True),
        (["0", "1", "3"], 3, False),
        (["1", "2"], 3, False),
        (["1", "4"], 3, False),
        (["a", "3"], 3, False),
        (["1"], 1, False),
    ],
)
def test_what_counts_from_one(given, count, told):
    assert from_one(given, count) is told
