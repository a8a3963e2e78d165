"""What a history refuses."""


class Refused(Exception):  # noqa: N818 - a refusal is no error of the program
    """An operation that changes nothing; `reason` is the code, `told` what it says."""

    def __init__(self, reason: str, **told: object) -> None:
        super().__init__(reason)
        self.reason = reason
        self.told = told
