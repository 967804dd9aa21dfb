"""How often the guard is wrong, measured on notes that the tests make (issue 5: at most 0.5 % and at least 99.5 %)."""

from actiontrac import forbidden


def test_at_most_one_ordinary_note_in_two_hundred_is_refused(ordinary_notes):
    refused = [note for note in ordinary_notes if forbidden.find(note)]
    assert len(ordinary_notes) >= 2_000
    assert len(refused) / len(ordinary_notes) <= 0.005, refused[:10]


def test_at_least_199_of_200_planted_values_are_found(planted_notes):
    missed = [(kind, note) for kind, note in planted_notes if kind not in {one.kind for one in forbidden.find(note)}]
    assert 1 - len(missed) / len(planted_notes) >= 0.995, missed[:10]


def test_masking_a_planted_note_leaves_nothing_of_the_value(planted_notes):
    for _, note in planted_notes:
        assert not forbidden.find(forbidden.mask(note))
