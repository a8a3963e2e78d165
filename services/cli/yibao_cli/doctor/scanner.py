"""Whether offsite's virus scanner answers: nobody reads or uses papers that it has not seen."""

from yibao_cli.doctor.finding import Finding
from yibao_offsite.application.material.due import ScannerError, Verdict
from yibao_offsite.config import MaterialsConfig
from yibao_offsite.material_scanner import scanner_of

_SUBJECT = "virus scanner"
_HARMLESS = b"yibao doctor\n"


def examine_scanner(config: MaterialsConfig) -> Finding:
    """Has the scanner that is configured look at a few harmless letters, as at a paper."""
    scanner = scanner_of(config)
    if scanner is None:
        return Finding(_SUBJECT, remark="none: the configuration names none")
    try:
        verdict = scanner.scan([_HARMLESS])
    except ScannerError as error:
        return Finding(_SUBJECT, str(error))
    if verdict is not Verdict.CLEAN:
        return Finding(_SUBJECT, "calls a few harmless letters infected: no paper would be taken")
    return Finding(_SUBJECT, remark="answers")
