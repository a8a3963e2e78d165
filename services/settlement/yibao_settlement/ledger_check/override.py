"""What the ledger checker examines of overrides: that two operators took a bill back by each."""

from collections.abc import Iterable, Iterator, Mapping

from yibao_common.values.caller import are_two_operators
from yibao_settlement.rules.override import Override, OverrideState

Fault = tuple[str, str]
# Of a reversal or refund: of which settlement, who did it, and why.
TakenBack = tuple[str, str, str]


def override_faults(
    overrides: Iterable[Override],
    taken_back: Mapping[str, TakenBack],
    audited: Mapping[str, Mapping[str, str]],
) -> Iterator[Fault]:
    """Yields overrides that were not carried out as they say.

    `taken_back` are the reversals and refunds that they name, `audited` is what the audit tells
    of overrides that were confirmed.
    """
    for override in overrides:
        if override.state is not OverrideState.CARRIED_OUT:
            if override.taken_back_id is not None:
                yield override.override_id, f"is {override.state.name}, and names what it did"
            continue
        if not are_two_operators(override.maker, override.checker):
            makers = f"proposed by {override.maker}, confirmed by {override.checker}"
            yield override.override_id, f"was {makers}"
        said = override.settlement_id, override.checker, override.reason
        if taken_back.get(override.taken_back_id or "") != said:
            yield override.override_id, "nothing was taken back as it says"
        told = audited.get(override.override_id, {})
        owed = {
            "maker": override.maker,
            "taken_back": override.taken_back_id,
            "kind": override.kind.name,
        }
        if {name: told.get(name) for name in owed} != owed:
            yield override.override_id, "the audit tells of no such override that was carried out"
