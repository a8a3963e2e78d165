"""Records that are merged between years that are closed: the service does what the model does.

Each closing statement tells what the model's bills of that record come to, and stays.
"""

from collections import Counter

import pytest
from support.databases import Databases, in_turns
from support.history_fuzzing.playing import play_in
from support.history_fuzzing.stories import record_story


@pytest.mark.parametrize(("databases", "seed"), in_turns((10, 34)), indirect=["databases"])
def test_merges_and_closed_years_leave_bills_to_cost_what_they_cost_in_order(
    databases: Databases, seed: int
) -> None:
    model = play_in(databases, record_story, seed)
    assert len(model.books.merged) == 2
    merges = [each for name, each in model.outcomes.items() if name.startswith("merge")]
    assert sum(each.answer.later_adjusted for each in merges)
    kinds = Counter(posting.kind for posting in model.books.postings)
    assert kinds["MERGE"]
