"""Policy files: from the bytes that an agency submits to the policy that decides bills."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping

from yibao_common.files.yaml_file import Path, YamlFile, keys_of, parse_yaml
from yibao_common.files.yaml_model import read_model, shown
from yibao_common.values.errors import FieldFault, refuse_faults
from yibao_common.values.reasons import Reason
from yibao_settlement.files.policy.reading import Reading
from yibao_settlement.files.policy.schema import STEP_MODELS, PolicyModel, SourceModel
from yibao_settlement.files.policy.steps import read_step
from yibao_settlement.rules.policy.policy import Policy, make_trace_prefix
from yibao_settlement.rules.policy.step import PolicyStep
from yibao_settlement.rules.policy.tables import CareGroup

FORMAT = "yibao-policy/1"
# What the contract takes as a `policy_file`.
MOST_BYTES = 500_000


def load_policy(contents: bytes, *, name: str) -> Policy:
    """Returns the policy in a file; `name` is how messages call the file.

    Its version is the SHA-256 of `contents`.

    Raises:
        RuleError: POLICY_FILE_INVALID, with a fault for every mistake: file, line, key
            and what was expected.
    """
    return read_policy(parse_policy(contents, name=name), contents)


def read_policy(file: YamlFile, contents: bytes) -> Policy:
    """Returns the policy in a file that was parsed; raises as `load_policy`."""
    model, reading, steps = _read(file)
    refuse_faults(_sorted(reading.faults, file.name))
    assert model is not None
    return _policy(contents, model, reading, steps)


def line_and_key(fault: FieldFault, *, name: str) -> tuple[int, str]:
    """Returns the line and the key that a fault of the file `name` names."""
    line, _, key = fault.field.removeprefix(f"{name}:").partition(" ")
    return int(line), key


def parse_policy(contents: bytes, *, name: str) -> YamlFile:
    """Returns the plain data of a file. Raises RuleError POLICY_FILE_INVALID."""
    return parse_yaml(contents, name=name, reason=Reason.POLICY_FILE_INVALID, most_bytes=MOST_BYTES)


def _read(file: YamlFile) -> tuple[PolicyModel | None, Reading, tuple[PolicyStep, ...]]:
    model, faults = read_model(PolicyModel, file, file.data)
    reading = Reading(
        file=file,
        sources=_sources(file, model),
        care_groups=tuple(keys_of(file.data, "care_groups")),
        all_names=frozenset(_all_names(file)),
        all_deductibles=frozenset(_ids_of(file, "deductible")),
        faults=[*file.faults, *faults],
    )
    if model is not None and model.end_date is not None and model.end_date < model.start_date:
        message = f"expected a day not before start_date ({model.start_date}), got {model.end_date}"
        reading.fault(("end_date",), message)
    return model, reading, _read_steps(reading)


def _policy(
    contents: bytes, model: PolicyModel, reading: Reading, steps: tuple[PolicyStep, ...]
) -> Policy:
    version = hashlib.sha256(contents).hexdigest()
    return Policy(
        policy_id=model.policy_id,
        version=version,
        region=model.region,
        insurance_type=model.insurance_type,
        start_date=model.start_date,
        end_date=model.end_date,
        title=model.title,
        title_zh=model.title_zh,
        care_groups=tuple(
            CareGroup(group, tuple(patterns)) for group, patterns in model.care_groups.items()
        ),
        counted_groups=tuple(sorted(reading.counted)),
        amount_names=tuple(reading.names),
        steps=steps,
        trace_prefix=make_trace_prefix(version, tuple(step.id for step in steps)),
    )


def _sources(file: YamlFile, model: PolicyModel | None) -> Mapping[str, SourceModel | None]:
    """Returns the sources, as far as they could be read."""
    return dict.fromkeys(keys_of(file.data, "sources")) if model is None else model.sources


def _raw_steps(file: YamlFile) -> list[object]:
    steps = file.data.get("steps") if isinstance(file.data, dict) else None
    return steps if isinstance(steps, list) else []


def _raw_id(raw: object, kind: str) -> str:
    """Returns the id of a step that may be faulty otherwise, empty where it has none."""
    body = raw.get(kind) if isinstance(raw, dict) else None
    step_id = body.get("id") if isinstance(body, dict) else None
    return step_id if isinstance(step_id, str) else ""


def _ids_of(file: YamlFile, kind: str) -> Iterator[str]:
    """Yields the ids of the steps of a type, faulty ones included."""
    yield from (step_id for raw in _raw_steps(file) if (step_id := _raw_id(raw, kind)))


def _all_names(file: YamlFile) -> Iterator[str]:
    """Yields what any step of the file leaves, wherever it stands."""
    for kind, model in STEP_MODELS.items():
        for step_id in _ids_of(file, kind):
            yield from (f"{step_id}.{name}" for name in model.makes.leaves)


def _read_steps(reading: Reading) -> tuple[PolicyStep, ...]:
    """Returns the steps that could be read; notes the mistakes of all."""
    file = reading.file
    steps: list[PolicyStep] = []
    raw_steps = _raw_steps(file)
    for index, raw in enumerate(raw_steps):
        kind = _kind_of(raw)
        if kind is None:
            message = f"expected one step of: {', '.join(STEP_MODELS)}; got {shown(raw)}"
            reading.fault(("steps", index), message)
            continue
        path: Path = ("steps", index, kind)
        if (kind == "classify") != (index == 0):
            reading.fault(path, "expected classify as the first step, and only there")
        if kind == "account" and index != len(raw_steps) - 1:
            reading.fault(path, "expected account only as the last step")
        step_id = _raw_id(raw, kind)
        if step_id and step_id in reading.step_ids:
            message = f"'{step_id}' is the id of steps[{reading.step_ids[step_id]}] already"
            reading.fault((*path, "id"), message)
        reading.step_ids.setdefault(step_id, index)
        assert isinstance(raw, dict)
        model, faults = read_model(STEP_MODELS[kind], file, raw[kind], at=path)
        reading.faults += faults
        if model is not None:
            steps.append(read_step(reading, model, path))
        elif step_id:
            # Later steps may name its amounts; that is no mistake of theirs.
            first = reading.name_amounts(step_id, STEP_MODELS[kind].makes.leaves)
            if kind == "deductible":
                reading.deductibles[step_id] = first
    return tuple(steps)


def _kind_of(raw: object) -> str | None:
    """Returns the type of a step, None where it is not a mapping of one step."""
    if not isinstance(raw, dict) or len(raw) != 1:
        return None
    kind = next(iter(raw))
    return kind if kind in STEP_MODELS else None


def _sorted(faults: Iterable[FieldFault], name: str) -> list[FieldFault]:
    """Returns faults in the order of their lines."""
    return sorted(faults, key=lambda fault: line_and_key(fault, name=name)[0])
