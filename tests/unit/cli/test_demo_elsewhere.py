"""What `yibao demo elsewhere` tells a program, and when it says that something failed."""

import pytest

from yibao.settlement.v1.explanation_pb2 import ElsewhereExplanation
from yibao_cli.demo.documents import elsewhere_document
from yibao_cli.demo.elsewhere_scene import until
from yibao_cli.demo.elsewhere_walk import PaidElsewhere, Story
from yibao_cli.demo.steps import Step, StepFailedError

GOOD = Step("Settle the bill", "settlement", "done", 1.25, True)
BAD = Step("Find it at offsite", "offsite", "is not there", 2.0, False)
PAID = PaidElsewhere(2_000, 1_400, 1_500, 1_200, ElsewhereExplanation(at_home_difference_fen=100))


def test_a_program_is_told_every_step_and_what_each_bill_came_to() -> None:
    stories = (Story((GOOD,), PAID), Story((BAD,), None))
    told = elsewhere_document(stories, (GOOD,), is_good=False, seconds=1.5)
    assert (told["is_good"], told["seconds"]) == (False, 1.5)
    steps = told["steps"]
    assert isinstance(steps, list)
    assert [each["step"] for each in steps] == [GOOD.title, BAD.title, GOOD.title]
    assert told["paid"] == [
        {
            "total_fen": 2_000,
            "fund_fen": 1_400,
            "at_home_fen": 1_500,
            "unregistered_fen": 1_200,
            "explanation": {"at_home_difference_fen": "100"},
        }
    ]


@pytest.mark.parametrize(
    ("story", "is_good"),
    [
        (Story((GOOD,), PAID), True),
        (Story((GOOD, BAD), PAID), False),
        # It broke off before a bill was settled.
        (Story((GOOD,), None), False),
    ],
)
def test_a_story_is_good_where_every_step_is_and_its_bill_was_settled(
    story: Story, *, is_good: bool
) -> None:
    assert story.is_good is is_good


def test_what_does_not_arrive_in_time_fails_the_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("yibao_cli.demo.elsewhere_scene._WAIT_SECONDS", 0.0)
    assert until(lambda: True, "nothing") >= 0
    with pytest.raises(StepFailedError, match="the hold did not arrive"):
        until(lambda: False, "the hold did not arrive")
