"""A policy file of the format `yibao-policy/2`: from its bytes to the policy that it says."""

import datetime as dt
import hashlib

from yibao_common.files.yaml_file import YamlFile, parse_yaml
from yibao_common.files.yaml_model import shown
from yibao_common.values.reasons import Reason
from yibao_settlement.files.benefit.amounts import ROUNDING_KEYS, read_rounding
from yibao_settlement.files.benefit.body import Body, Faults
from yibao_settlement.files.benefit.declarations import (
    read_care_groups,
    read_counters,
    read_counts,
    read_line_groups,
    read_parameters,
    read_sources,
    read_windows,
)
from yibao_settlement.files.benefit.scope import Scope
from yibao_settlement.files.benefit.steps import KINDS, read_step
from yibao_settlement.rules.benefit.amounts import Rounding
from yibao_settlement.rules.benefit.names import REST
from yibao_settlement.rules.benefit.policy import BenefitPolicy
from yibao_settlement.rules.benefit.steps import AnyStep

FORMAT = "yibao-policy/2"
_NEED = (
    *("format", "policy_id", "title", "title_zh", "region", "insurance_type", "start_date"),
    *("sources", "steps"),
)
_MAY = (
    *("end_date", "care_groups", "line_groups", "windows", "counts", "parameters"),
    *("rounding", "counters"),
)


def load_benefit_policy(contents: bytes, *, name: str) -> BenefitPolicy:
    """Returns the policy in a file; `name` is how messages call the file.

    Its version is the SHA-256 of `contents`.

    Raises:
        RuleError: POLICY_FILE_INVALID, with a fault for every mistake: file, line, key
            and what was expected.
    """
    file = parse_yaml(contents, name=name, reason=Reason.POLICY_FILE_INVALID)
    return read_benefit_policy(file, contents)


def read_benefit_policy(file: YamlFile, contents: bytes) -> BenefitPolicy:
    """Returns the policy in a file that was parsed; raises as `load_benefit_policy`."""
    faults = Faults(file, list(file.faults))
    body = Body.open(faults, file.data, (), need=_NEED, may=_MAY)
    policy = _policy(body, version=hashlib.sha256(contents).hexdigest())
    faults.refuse()
    return policy


def _policy(body: Body, *, version: str) -> BenefitPolicy:
    scope = Scope(body.faults, sources=read_sources(body))
    body.one_of("format", (FORMAT,), FORMAT)
    care_groups, line_groups = read_care_groups(body), read_line_groups(body)
    scope.care_groups = tuple(group.name for group in care_groups)
    scope.groups = (*(group.name for group in line_groups), REST)
    scope.windows = read_windows(body)
    counts = tuple(read_counts(scope, body))
    scope.counts = tuple(count.name for count in counts)
    parameters = tuple(read_parameters(scope, body))
    scope.parameters = tuple(parameter.name for parameter in parameters)
    rounding = read_rounding(body.inner("rounding", may=ROUNDING_KEYS))
    scope.start_amounts()
    start_date, end_date = body.day("start_date"), _end_date(body)
    if end_date is not None and end_date < start_date:
        body.fault("end_date", f"expected a day not before start_date, got {end_date}")
    return BenefitPolicy(
        policy_id=body.code("policy_id", "[0-9A-Za-z][0-9A-Za-z._-]{0,79}", "a name of the policy"),
        version=version,
        region=body.code("region", "[1-9][0-9]{5}", "a region of 6 digits"),
        insurance_type=body.code("insurance_type", "[0-9]{3}", "an insurance type of 3 digits"),
        start_date=start_date,
        end_date=end_date,
        title=body.text("title"),
        title_zh=body.text("title_zh"),
        care_groups=care_groups,
        line_groups=line_groups,
        windows=scope.windows,
        counts=counts,
        parameters=parameters,
        steps=_steps(scope, body, rounding),
        counters=tuple(read_counters(scope, body)),
    )


def _end_date(body: Body) -> dt.date | None:
    return body.day("end_date") if "end_date" in body.data else None


def _steps(scope: Scope, body: Body, rounding: Rounding) -> tuple[AnyStep, ...]:
    """Returns the steps; each may name what those before it leave."""
    for index, (value, path) in enumerate(body.items("steps", "steps")):
        kind = next(iter(value)) if isinstance(value, dict) and len(value) == 1 else None
        if not isinstance(value, dict) or kind not in KINDS:
            message = f"expected one of {', '.join(KINDS)}, got {shown(kind or value)}"
            body.faults.note(path, message)
            continue
        if (kind == "classify") != (index == 0):
            body.faults.note(path, "the first step, and only it, is classify")
        scope.add_step(read_step(scope, kind, value[kind], (*path, kind), rounding=rounding))
    return tuple(scope.steps.values())
