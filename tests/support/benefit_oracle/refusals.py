"""What the evaluator refuses."""


class Refused(Exception):  # noqa: N818 - a bill that is refused is no error of the program
    """A bill under which nothing is paid and nothing remembered; `reason` is the code."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
