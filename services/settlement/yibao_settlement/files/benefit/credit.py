"""Credit files of the format `yibao-credit/1`: from bytes to the credits that they say."""

import hashlib

from yibao_common.files.yaml_file import Path, parse_yaml
from yibao_common.files.yaml_model import shown
from yibao_common.values.money import PPM
from yibao_common.values.reasons import Reason
from yibao_settlement.files.benefit.body import Body, Faults
from yibao_settlement.files.benefit.declarations import read_sources
from yibao_settlement.files.benefit.scope import Scope
from yibao_settlement.files.benefit.tables import read_table
from yibao_settlement.rules.benefit.credit import CreditPolicy, CreditRule, CreditShare
from yibao_settlement.rules.benefit.facts import FACTS, PERSON_FACTS

CREDIT_FORMAT = "yibao-credit/1"
_OF_A_CREDIT = ("base", "by", "title", "title_zh", "cites")


def load_credit_policy(contents: bytes, *, name: str) -> CreditPolicy:
    """Returns the credits in a file; `name` is how messages call the file.

    Its version is the SHA-256 of `contents`.

    Raises:
        RuleError: POLICY_FILE_INVALID, with a fault for every mistake: file, line, key
            and what was expected.
    """
    file = parse_yaml(contents, name=name, reason=Reason.POLICY_FILE_INVALID)
    faults = Faults(file, list(file.faults))
    body = Body.open(faults, file.data, (), need=("format", "credits"), may=("sources",))
    body.one_of("format", (CREDIT_FORMAT,), CREDIT_FORMAT)
    scope = Scope(faults, sources=read_sources(body))
    found: list[CreditRule] = []
    for value, path in body.items("credits", "credits"):
        found.append(_credit(scope, value, path, known=[credit.id for credit in found]))
    faults.refuse()
    return CreditPolicy(hashlib.sha256(contents).hexdigest(), tuple(found))


def _credit(scope: Scope, value: object, path: Path, *, known: list[str]) -> CreditRule:
    body = Body.open(scope.faults, value, path, need=("id", "every", "rows"), may=_OF_A_CREDIT)
    credit_id = body.code("id", "[A-Z][A-Za-z0-9]{0,19}", "a credit id such as C1")
    if credit_id in known:
        body.fault("id", f"{shown(credit_id)} is the id of an earlier credit")
    body.one_of("every", ("month",), "month")
    _check_facts(body)
    base = body.inner("base", may=("least_fen", "most_fen"))
    least, most = base.whole("least_fen"), base.whole_or_none("most_fen")
    if most is not None and most < least:
        base.fault("most_fen", "lies below least_fen")
    clause = scope.clause(body)
    return CreditRule(
        id=credit_id,
        title=body.text("title"),
        title_zh=body.text("title_zh"),
        clause=clause,
        least_fen=least,
        most_fen=most,
        table=read_table(scope, body, _brought, may=("ratio_ppm", "amount_fen"), clause=clause),
    )


def _check_facts(body: Body) -> None:
    """Notes facts of a bill: a month has none."""
    for fact, path in body.items("by", "facts"):
        if isinstance(fact, str) and fact in FACTS and fact not in PERSON_FACTS:
            known = ", ".join(PERSON_FACTS)
            body.faults.note(path, f"{shown(fact)} is no fact of a person; known: {known}")


def _brought(row: Body) -> CreditShare | int:
    """Returns what a row credits: a share of the base, or fen."""
    if ("ratio_ppm" in row.data) == ("amount_fen" in row.data):
        row.faults.note(row.path, "expected either ratio_ppm or amount_fen")
    if "amount_fen" in row.data:
        return row.whole("amount_fen")
    return CreditShare(row.whole("ratio_ppm", high=PPM))
