"""Policy files of either format, told apart by what they say at `format`."""

from yibao_common.files.yaml_file import YamlFile
from yibao_common.files.yaml_model import shown
from yibao_common.values.errors import RuleError
from yibao_settlement.files.benefit import file as benefit_file
from yibao_settlement.files.policy import file as policy_file
from yibao_settlement.rules.policy.any_policy import AnyPolicy

FORMATS = (policy_file.FORMAT, benefit_file.FORMAT)


def load_any_policy(contents: bytes, *, name: str) -> AnyPolicy:
    """Returns the policy in a file of either format; `name` is how messages call the file.

    Its version is the SHA-256 of `contents`.

    Raises:
        RuleError: POLICY_FILE_INVALID, with a fault for every mistake: file, line, key
            and what was expected. Of a file that names neither format only that is told,
            since nobody knows which keys it may have.
    """
    return read_any_policy(policy_file.parse_policy(contents, name=name), contents)


def read_any_policy(file: YamlFile, contents: bytes) -> AnyPolicy:
    """Returns the policy in a file that was parsed; raises as `load_any_policy`."""
    said = file.data.get("format") if isinstance(file.data, dict) else None
    if said == benefit_file.FORMAT:
        return benefit_file.read_benefit_policy(file, contents)
    if said == policy_file.FORMAT:
        return policy_file.read_policy(file, contents)
    fault = file.fault(("format",), f"expected one of {', '.join(FORMATS)}, got {shown(said)}")
    message = f"{fault.field}: {fault.message}"
    raise RuleError(file.reason, message, faults=[*file.faults, fault])
