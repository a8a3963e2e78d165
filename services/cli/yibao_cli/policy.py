"""`yibao policy`: checks a policy file before it is submitted."""

from pathlib import Path

from rich.console import Console

from yibao_common.process.config import StartError
from yibao_settlement.files.policy.file import load_policy


def run_check(console: Console, path: Path) -> int:
    """Prints what the policy in a file is.

    Raises:
        RuleError: POLICY_FILE_INVALID, with a fault for every mistake.
        StartError: the file cannot be read.
    """
    try:
        contents = path.read_bytes()
    except OSError as error:
        raise StartError(f"{path}: cannot be read: {error.strerror}") from None
    policy = load_policy(contents, name=str(path))
    until = policy.end_date.isoformat() if policy.end_date else "further notice"
    lines = (
        f"{path} is a policy.",
        f"  {policy.policy_id}: {policy.title} {policy.title_zh}",
        f"  region {policy.region}, insurance type {policy.insurance_type}, "
        f"from {policy.start_date} until {until}",
        f"  steps: {', '.join(step.id for step in policy.steps)}",
        f"  version {policy.version}",
    )
    console.print("\n".join(lines), soft_wrap=True, markup=False)
    return 0
