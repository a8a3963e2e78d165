"""A file of `yibao-policy/1` as a file of `yibao-policy/2`."""

import yaml

from yibao_common.files.yaml_model import read_model
from yibao_common.values.errors import refuse_faults
from yibao_settlement.files.benefit.conversion.choices import Choices
from yibao_settlement.files.benefit.conversion.steps import Conversion, Data
from yibao_settlement.files.benefit.file import FORMAT, load_benefit_policy
from yibao_settlement.files.policy.file import load_policy, parse_policy
from yibao_settlement.files.policy.schema import STEP_MODELS, AnyStepModel, PolicyModel
from yibao_settlement.rules.policy.policy import Policy

_WIDTH = 100


def convert_policy(contents: bytes, *, name: str, choices: Choices) -> bytes:
    """Returns the policy in a file of `yibao-policy/1` in the format of now.

    Comments are lost; the version of the file of before stands in the first line.

    Raises:
        RuleError: POLICY_FILE_INVALID, where the file has mistakes, a step cannot be
            converted, or `choices` lacks decisions: a fault for each.
    """
    policy = load_policy(contents, name=name)
    file = parse_policy(contents, name=name)
    model, _ = read_model(PolicyModel, file, file.data)
    assert model is not None
    steps = [_step_model(raw) for raw in model.steps]
    conversion = Conversion(name, choices, steps)
    for step in steps:
        conversion.add(step)
    refuse_faults(conversion.questions)
    data = _declared(model, policy) | {"steps": conversion.steps}
    if conversion.counters:
        data["counters"] = conversion.counters
    text = _written(data)
    converted = f"# From yibao-policy/1, version {policy.version}\n{text}".encode()
    load_benefit_policy(converted, name=f"{name} converted")
    return converted


def _step_model(raw: object) -> AnyStepModel:
    """Returns a step of a file without mistakes."""
    assert isinstance(raw, dict)
    ((kind, body),) = raw.items()
    return STEP_MODELS[kind].model_validate(body)


def _declared(model: PolicyModel, policy: Policy) -> Data:
    """Returns all that stands in a file before its steps."""
    end: Data = {} if model.end_date is None else {"end_date": model.end_date}
    data: Data = {
        "format": FORMAT,
        "policy_id": model.policy_id,
        "title": model.title,
        "title_zh": model.title_zh,
        "region": model.region,
        "insurance_type": model.insurance_type,
        "start_date": model.start_date,
        **end,
        "sources": {
            name: source.model_dump(exclude_none=True) for name, source in model.sources.items()
        },
    }
    if model.care_groups:
        data["care_groups"] = dict(model.care_groups)
    if policy.counted_groups:
        # Bills were counted; what was meant, and is counted now, are stays.
        data["counts"] = {
            group: {"of": "stay", "care_groups": [group]} for group in policy.counted_groups
        }
    return data


class _Dumper(yaml.SafeDumper):
    """Writes every value out, since aliases are refused, and groups the digits of numbers."""

    def ignore_aliases(self, data: object) -> bool:
        """Tells that nothing is written as an alias."""
        return True

    def represent_grouped(self, data: int) -> yaml.ScalarNode:
        """Returns a number with its thousands apart: 1_300_000."""
        return self.represent_scalar("tag:yaml.org,2002:int", f"{data:_}")


_Dumper.add_representer(int, _Dumper.represent_grouped)


def _written(data: Data) -> str:
    """Returns data as YAML; what holds no list or mapping stands in one line."""
    return yaml.dump(
        data,
        Dumper=_Dumper,
        allow_unicode=True,
        default_flow_style=None,
        sort_keys=False,
        width=_WIDTH,
    )
