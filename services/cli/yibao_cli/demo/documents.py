"""What a demo showed, as the document of --json."""

from collections.abc import Sequence

from yibao_cli.call import to_values
from yibao_cli.demo.elsewhere_walk import PaidElsewhere, Story
from yibao_cli.demo.figures import Figure
from yibao_cli.demo.golden_path import Walk
from yibao_cli.demo.stay import StayBill
from yibao_cli.demo.steps import Step
from yibao_cli.regions import Region


def steps_documents(steps: Sequence[Step]) -> list[dict[str, object]]:
    """Returns the steps of a walk with their outcomes."""
    return [
        {
            "step": step.title,
            "where": step.service,
            "is_good": step.is_good,
            "outcome": step.outcome,
            "milliseconds": round(step.milliseconds, 1),
        }
        for step in steps
    ]


def walk_document(region: Region, walk: Walk) -> dict[str, object]:
    """Returns the walk of a published bill, our amounts beside the published ones."""
    return {
        "bill": region.sample_bill.example,
        "region": region.region,
        "source": region.sample_bill.source_url,
        "is_good": walk.is_good,
        "steps": steps_documents(walk.steps),
        "amounts": [_amount(each) for each in walk.figures],
        "trace": [to_values(node) for node in walk.trace],
    }


def stay_documents(bills: Sequence[StayBill]) -> list[dict[str, object]]:
    """Returns the bills of a stay as they were settled."""
    return [to_values(bill.settlement) for bill in bills]


def elsewhere_document(
    stories: Sequence[Story], proof: Sequence[Step], *, is_good: bool, seconds: float
) -> dict[str, object]:
    """Returns the stories of care elsewhere, with what each bill came to and why."""
    steps = [step for story in stories for step in story.steps]
    return {
        "is_good": is_good,
        "seconds": seconds,
        "steps": steps_documents([*steps, *proof]),
        "paid": [_paid(story.paid) for story in stories if story.paid is not None],
    }


def _paid(paid: PaidElsewhere) -> dict[str, object]:
    return {
        "total_fen": paid.total_fen,
        "fund_fen": paid.fund_fen,
        "at_home_fen": paid.at_home_fen,
        "unregistered_fen": paid.unregistered_fen,
        "explanation": to_values(paid.explained),
    }


def _amount(figure: Figure) -> dict[str, object]:
    return {
        "name": figure.name,
        "name_zh": figure.name_zh,
        "ours_fen": figure.ours_fen,
        "published_fen": figure.published_fen,
        "is_equal": figure.is_equal,
    }
