"""Why care elsewhere is paid as it is, in sentences for the person: one a line of the sheet."""

from collections.abc import Iterator
from typing import NamedTuple

from yibao_settlement.rules.elsewhere.terms import (
    EMERGENCY,
    LOCAL,
    LONG_TERM,
    UNREGISTERED,
    Elsewhere,
)
from yibao_settlement.rules.statement.sentences import Name, Sentence, say

# By number of the contract.
_CATEGORIES = {
    1: Name("异地安置退休", "retired resettled"),
    2: Name("异地长期居住", "long-term resident"),
    3: Name("常驻异地工作", "posted worker"),
    4: Name("异地转诊", "referral"),
    5: Name("其他临时外出就医", "other temporary"),
    6: Name("异地急诊抢救", "emergency"),
    7: Name("异地生育", "maternity"),
}
_ANY = Name("异地就医", "care elsewhere")
_TERMS = {
    LOCAL: Name("参保地待遇", "the terms of home"),
    LONG_TERM: Name("长期异地待遇", "the terms of long-term residents"),
    "referral": Name("转诊待遇", "the terms of referrals"),
    EMERGENCY: Name("急诊待遇", "the terms of emergencies"),
    "temporary": Name("临时外出待遇", "the terms of other temporary care"),
    UNREGISTERED: Name("未备案待遇", "the terms of those without one"),
}


class Compared(NamedTuple):
    """What the funds pay on the terms, at home and had the person registered, in fen.

    None where the policy cannot tell, or registering would change no terms. `can_still` is
    whether the bill is not settled yet.
    """

    fund_fen: int
    at_home_fen: int | None
    registered_fen: int | None
    can_still: bool = False


def elsewhere_sentences(
    care: Elsewhere, compared: Compared, *, home_region: str
) -> tuple[Sentence, ...]:
    """Returns why it is so, in the order of the sheet."""
    return tuple(_sentences(care, compared, home_region))


def _sentences(care: Elsewhere, compared: Compared, home_region: str) -> Iterator[Sentence]:
    place, terms = care.place_region, _TERMS.get(care.terms, Name(care.terms, care.terms))
    if care.is_deemed:
        yield say("OFF6" if compared.at_home_fen == compared.fund_fen else "OFF6R")
    elif care.registration_id is None:
        yield say("OFF9", place=place, terms=terms)
    else:
        category = _CATEGORIES.get(care.category, _ANY)
        yield say("OFF1", place=place, category=category, terms=terms)
    if compared.registered_fen is not None and compared.registered_fen > compared.fund_fen:
        more_fen = compared.registered_fen - compared.fund_fen
        yield say("OFF2", difference=more_fen)
        if compared.can_still:
            yield say("OFF3", difference=more_fen)
    if compared.at_home_fen is not None and compared.at_home_fen > compared.fund_fen:
        yield say("OFF8", home=home_region, difference=compared.at_home_fen - compared.fund_fen)
    yield say("OFF4", home=home_region)
