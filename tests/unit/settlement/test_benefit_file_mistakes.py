"""Every mistake in a file of `yibao-policy/2` is told by line, key and what was expected."""

import contextlib

import pytest
from support.benefit_text import GOOD, NAME, changed, faults_of, load

from yibao_common.values.errors import RuleError
from yibao_settlement.files.policy.mistakes_zh import mistake_zh

_D1 = "steps[2].deductible"
_P1 = "steps[3].tiers"
_K1 = "steps[4].tiers"
_POOL = "counters.pool"


def line_of(text: str, piece: str) -> int:
    """Returns the line in which `piece` stands for the first time."""
    return text[: text.index(piece)].count("\n") + 1


@pytest.mark.parametrize(
    ("old", "new", "key", "message"),
    [
        # Keys.
        ("      fund_types: [", "      fund_type: [", "steps[1].given.fund_types", "is missing"),
        (
            "region: ",
            "regoin: ",
            "regoin",
            "is not a key here; known: format, policy_id, title,",
        ),
        (
            "  page: {title: 某文件, url",
            "  page: {tilte: 某文件, url",
            "sources.page.title",
            "is missing",
        ),
        ("title: Sample\n", "title: Sample\ntitle: Again\n", "title", "key title is repeated"),
        # Values.
        (
            "least_fen: 1,",
            "least_fen: -1,",
            f"{_D1}.rows[0].amount.least_fen",
            "expected a whole number from 0 to 10000000000000, got -1",
        ),
        (
            "ratio_ppm: 800_000",
            "ratio_ppm: 1_000_001",
            f"{_P1}.rows[0].brackets[0].ratio_ppm",
            "expected a whole number from 0 to 1000000, got 1000001",
        ),
        ("amount: 50_000", "amount: true", f"{_D1}.rows[2].amount", "expected a whole number"),
        ("most_fen: 90_000", "most_fen: 0", f"{_D1}.rows[0].amount.most_fen", "lies below"),
        ("axis: paid", "axis: fees", f"{_P1}.axis", "expected one of fee, paid, got 'fees'"),
        ("as: prepay", "as: share", f"{_D1}.as", "expected one of deductible, first_self_pay"),
        (
            "unit_fen: 100}",
            "unit_fen: 5}",
            f"{_P1}.rounding.unit_fen",
            "expected one of 1, 10, 100",
        ),
        (
            "      window: stay",
            "      window: week",
            f"{_D1}.window",
            "expected one of bill, day, month, period, stay, year, got 'week'",
        ),
        ("make_up: false", "make_up: 0", f"{_D1}.make_up", "expected one of true, false, got 0"),
        (
            "offsite: [local, referral]",
            "offsite: 1",
            f"{_P1}.applies.offsite",
            "expected a code in quotes, a list of codes or any, got 1",
        ),
        (
            "offsite: [local, referral]",
            "offsite: [here]",
            f"{_P1}.applies.offsite",
            "expected one of local, long_term, referral, emergency, temporary, unregistered",
        ),
        ("age: {to: 59}", "age: [1]", f"{_D1}.rows[0].when.age", "expected a whole number"),
        ("age: {to: 59}", "age: {from: 9, to: 8}", f"{_D1}.rows[0].when.age.to", "lies below from"),
        (
            'region: "999001"',
            "region: 999001",
            "region",
            "expected a region of 6 digits, in quotes",
        ),
        ("from: 2023-07-01", "from: 2023-7-1", "parameters.average_wage[0].from", "expected a day"),
        ("from: 2024-07-01", "from: 2023-07-01", "parameters.average_wage", "dates must rise"),
        ("end_date: 2025-12-31", "end_date: 2023-12-31", "end_date", "expected a day not before"),
        ('starts: "07-01"', 'starts: "02-29"', "windows.year.starts", "expected a day of the year"),
        (
            "format: yibao-policy/2",
            "format: yibao-policy/3",
            "format",
            "expected one of yibao-policy/2",
        ),
        (
            "  b: {classes",
            "  rest: {classes",
            "line_groups.rest",
            "expected a name of small letters",
        ),
        (
            'classes: ["02"]',
            'classes: ["2"]',
            "line_groups.b.classes",
            "expected one of 01, 02, 03",
        ),
        ('"03": own_cost', '"04": own_cost', "steps[0].classify.rows[0].shares.04", "is not a key"),
        ("purses: [family", "purses: [famly", "steps[5].account.purses[0]", "expected one of"),
        ("payer: treasury", "payer: nobody", f"{_K1}.payer", "expected one of hospital, employer"),
        (
            "source: page, clause: 第二条",
            "source: book, clause: 第二条",
            f"{_D1}.cites.source",
            "expected a source",
        ),
        # YAML.
        ("title: Pool", "title: &x Pool", "", "anchors and aliases are not allowed"),
        ("title: Pool", "title: *x", "", "anchors and aliases are not allowed"),
        ("title: Pool", "title: !!str Pool", "", "tags are not allowed"),
        # Names.
        (
            "base: [D1.rest, first_self_pay.implant]",
            "base: [D2.rest]",
            f"{_P1}.base[0]",
            "'D2.rest' is not left by an earlier step; known: total, eligible, first_self_pay,",
        ),
        (
            "base: [D1.rest, first_self_pay.implant]",
            "base: [P1.copay]",
            f"{_P1}.base[0]",
            "'P1.copay' is not left by an earlier step",
        ),
        # What a payer has paid is no lot any more.
        (
            "base: [P1.copay.implant, P1.overflow]",
            "base: [P1.paid]",
            f"{_K1}.base[0]",
            "'P1.paid' is not left by an earlier step",
        ),
        ("on_top_of: [D1.paid]", "on_top_of: [P1.paid]", f"{_P1}.on_top_of[0]", "is not left by"),
        ("{of: base}", "{of: D1.base}", f"{_D1}.rows[1].amount.of", "is not left by an earlier"),
        ("base: [total]", "base: [total, total]", "steps[5].account.base[1]", "stands here twice"),
        # Facts.
        ("by: [tier]", "by: [teir]", f"{_POOL}.by[0]", "'teir' is not a fact; known: care_group,"),
        ("count.stays]", "count.stay]", f"{_D1}.by[1]", "'count.stay' is not a fact; known:"),
        ("per: [institution]", "per: [age]", f"{_D1}.per[0]", "'age' is not a fact with one code"),
        (
            "fact: months_insured",
            "fact: tier",
            f"{_P1}.rows[0].brackets[1].ratio_ppm.each.fact",
            "expected a fact that is a number",
        ),
        # Rows.
        (
            "when: {age: {from: 60}, count.stays: any}",
            "when: {age: {from: 60}}",
            f"{_D1}.rows[1].when",
            "must say exactly: age, count.stays",
        ),
        (
            "when: {age: {from: 60}, count.stays: any}",
            "when: {age: {from: 59}, count.stays: any}",
            f"{_D1}.rows[1].when",
            "can hold together with rows[0]",
        ),
        (
            "when: {entitlement_groups: none}",
            'when: {entitlement_groups: "2305"}',
            f"{_P1}.rows[1].when",
            "can hold together with rows[0]",
        ),
        (
            "when: {age: {from: 60}, count.stays: any}",
            "when: otherwise",
            f"{_D1}.rows[1].when",
            "otherwise is the last row of a table with by",
        ),
        (
            "        - shares: {",
            "        - when: otherwise\n          shares: {",
            "steps[0].classify.rows[0].when",
            "otherwise is the last row of a table with by",
        ),
        # Brackets.
        (
            "- over_fen: 1_000_000\n",
            "- over_fen: 1_000_001\n",
            f"{_P1}.rows[0].brackets[1].over_fen",
            "must begin at 1000000, where the one before ends",
        ),
        (
            "{over_fen: 0, upto_fen: 1_000_000, ratio_ppm: 800_000}",
            "{over_fen: 0, ratio_ppm: 800_000}",
            f"{_P1}.rows[0].brackets[0]",
            "only the last bracket may be open",
        ),
        (
            "upto_fen: 2_000_000",
            "upto_fen: 0",
            f"{_P1}.rows[1].brackets[0].upto_fen",
            "upto_fen must lie above over_fen",
        ),
        # Steps.
        (
            "  - given:\n",
            "  - share:\n",
            "steps[1]",
            "expected one of classify, given, deductible,",
        ),
        (
            "  - classify:\n",
            "  - account:\n",
            "steps[0]",
            "the first step, and only it, is classify",
        ),
        (
            "steps:\n",
            'steps:\n  - classify: {id: S0, rows: [shares: {"01": 0}]}\n',
            "steps[1]",
            "the first step, and only it, is classify",
        ),
        ("      payer: treasury\n", "", _K1, "expected either fund_type or payer"),
        (
            "      payer: treasury\n",
            '      payer: treasury\n      fund_type: "310100"\n',
            _K1,
            "expected either fund_type or payer",
        ),
        ("id: K1", "id: P1", f"{_K1}.id", "'P1' is the id of an earlier step"),
        ("id: K1", "id: k1", f"{_K1}.id", "expected a step id such as D1 or P1, got 'k1'"),
        # Windows.
        (
            "  period: {days: 90}\n",
            "",
            f"{_D1}.window",
            "period needs windows.period.days",
        ),
        ("of: stay", "of: year", "counts.stays.of", "of must be a smaller window than in"),
        (
            "stay_over_new_year: split",
            "stay_over_new_year: discharge",
            "windows.year.deductible",
            "is said only with stay_over_new_year: split",
        ),
        # Dues.
        (
            "less: [P1.paid, K1.paid]",
            "less: [P1.paid]",
            f"{_K1}.less",
            "the due of a year must be less K1.paid too",
        ),
        (
            "less: [P1.paid, K1.paid]",
            "less: [K1.paid]\n      on_top_of: [D1.paid]",
            f"{_K1}.less",
            "stands not beside on_top_of",
        ),
        # Counters.
        ("limits: [P1.paid", "limits: [G1.paid", f"{_POOL}.limits[0]", "G1.paid cannot be limited"),
        ("limits: [P1.paid", "limits: [Z1.paid", f"{_POOL}.limits[0]", "Z1.paid cannot be limited"),
        (
            "limits: [P1.paid",
            "limits: [K1.covered",
            f"{_POOL}.limits[0]",
            "K1.covered cannot be limited",
        ),
        (
            "limits: [P1.paid",
            "limits: [P1.copay",
            f"{_POOL}.limits[0]",
            "is not left by an earlier",
        ),
    ],
)
def test_a_mistake_is_told_with_its_line_key_and_what_was_expected(
    old: str, new: str, key: str, message: str
) -> None:
    text = changed(old, new)
    if message.startswith("period needs"):
        text = text.replace("      window: stay", "      window: period")
    places = {where.partition(" ")[2]: told for where, told in faults_of(text)}
    assert key in places, places
    assert places[key].startswith(message) or message in places[key]
    assert [told for told in places.values() if not mistake_zh(told)] == []


def test_the_line_of_a_mistake_is_the_one_in_which_it_stands() -> None:
    text = changed("ratio_ppm: 800_000", "ratio_ppm: abc")
    place = f"{NAME}:{line_of(text, 'abc')} {_P1}.rows[0].brackets[0].ratio_ppm"
    message = (
        "expected a whole number from 0 to 1000000, got 'abc'; ratios are in millionths: "
        "75 % is 750_000"
    )
    assert faults_of(text) == [(place, message)]


def test_all_mistakes_are_told_at_once_in_the_order_of_their_lines() -> None:
    text = GOOD
    for old, new in [
        ("policy_id: sample-2024", "policy_id: '!'"),
        ("as: prepay", "as: share"),
        ("axis: paid", "axis: fees"),
        ("limits: [P1.paid", "limits: [G1.paid"),
    ]:
        assert text.count(old) == 1
        text = text.replace(old, new)
    found = faults_of(text)
    assert [where.partition(" ")[2] for where, _ in found] == [
        "policy_id",
        f"{_D1}.as",
        f"{_P1}.axis",
        f"{_POOL}.limits[0]",
    ]


@pytest.mark.parametrize("text", ["\ufdfa" * 100_000, "e" + "\u0301\u0316" * 50_000])
def test_what_is_too_long_for_a_number_is_told_short(text: str) -> None:
    ((_, told),) = faults_of(changed("amount: 50_000", f'amount: "{text}"'))
    assert len(told) < 200
    assert "full-width" not in told
    ((_, told),) = faults_of(changed("amount: 50_000", 'amount: "\uff15\uff10"'))
    assert told.endswith("; its digits are full-width: write 50")


@pytest.mark.parametrize("text", ["", "- 1\n", "x", "format: yibao-policy/2\n", "steps: 1\n"])
def test_what_is_no_policy_at_all_is_refused_with_sentences(text: str) -> None:
    assert faults_of(text)


@pytest.mark.parametrize("junk", ["null", "1", "[[1]]", "{a: {b: 1}}"])
def test_junk_in_any_place_is_a_mistake_or_a_value(junk: str) -> None:
    """Nothing that an author writes can make the reader fail in another way."""
    for line in range(GOOD.count("\n")):
        with contextlib.suppress(RuleError):
            load(with_junk(GOOD.splitlines(), line, junk))


def with_junk(lines: list[str], line: int, junk: str) -> str:
    """Returns the file with `junk` in place of what stands at the key of a line."""
    key, colon, _ = lines[line].partition(": ")
    if not colon:
        key = lines[line].rstrip().removesuffix(":")
    depth = len(key) - len(key.lstrip(" -"))
    end = line + 1
    while end < len(lines) and len(lines[end]) - len(lines[end].lstrip(" -")) > depth:
        end += 1
    return "\n".join([*lines[:line], f"{key}: {junk}", *lines[end:]])
