"""Finding a case that the caller may see, with what it is about."""

from collections.abc import Sequence
from typing import NamedTuple

from yibao_common.values.caller import Caller
from yibao_settlement.application.reading import Reads
from yibao_settlement.application.settlement.listing import SettlementSummary
from yibao_settlement.rules.review import Review, ReviewEvent, review_not_found


class FoundReview(NamedTuple):
    """A case, the settlements that it concerns as they are now, and what happened to it."""

    review: Review
    settlements: Sequence[SettlementSummary]
    events: Sequence[ReviewEvent]


def find_review(reads: Reads, region: str, review_id: str, caller: Caller) -> Review:
    """Returns a case of the caller's institution, or any where it is an agency.

    Raises RuleError REVIEW_NOT_FOUND.
    """
    review = reads.review(region, review_id)
    if review is None or caller.institution_id not in (None, review.institution_id):
        raise review_not_found(review_id)
    return review


def find_with_settlements(reads: Reads, region: str, review_id: str, caller: Caller) -> FoundReview:
    """Returns a case with all that it concerns; to an institution, its own settlements.

    Raises RuleError REVIEW_NOT_FOUND.
    """
    review = find_review(reads, region, review_id, caller)
    others = [each for finding in review.findings for each in finding.settlement_ids]
    wanted = list(dict.fromkeys([review.settlement_id, *others]))
    found = {
        each.settlement_id: each
        for each in reads.summaries(region, wanted)
        if caller.institution_id in (None, each.institution_id)
    }
    events = () if caller.institution_id else reads.review_events(region, review_id)
    own = review
    if caller.institution_id is not None:
        own = review._replace(
            findings=tuple(
                finding._replace(
                    settlement_ids=tuple(each for each in finding.settlement_ids if each in found)
                )
                for finding in review.findings
            )
        )
    return FoundReview(own, [found[each] for each in wanted if each in found], events)
