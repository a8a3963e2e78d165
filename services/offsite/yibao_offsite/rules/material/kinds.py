"""Which papers (材料) there are: one list for registrations, audits and regions' rules."""

from typing import NamedTuple

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason


class Kind(NamedTuple):
    """A kind of paper; `code` is what regions' rules and requests call it.

    A photo says when, by whom and where it was taken. A restricted kind is read by few (O-09). What
    is evidence of one thing, or a person's own promise, is never waived.
    """

    code: str
    name_zh: str
    is_photo: bool = False
    is_restricted: bool = False
    is_waivable: bool = True


COMMITMENT_LETTER = "commitment_letter"

_KINDS = (
    Kind("identity_certificate", "身份证明或医保凭证"),
    Kind("registration_form", "异地就医备案表"),
    Kind("household_move_proof", "户口迁移证明"),
    Kind("residence_permit", "居住证"),
    Kind("lease", "房屋租赁合同或产权证明"),
    Kind("posting_letter", "单位派驻证明"),
    Kind("employment_contract", "劳动合同"),
    # JS75 annex 1: kept for two years, and a false one has consequences.
    Kind(COMMITMENT_LETTER, "长期异地居住人员个人承诺书", is_waivable=False),
    Kind("referral_proof", "转诊转院证明"),
    Kind("diagnosis_proof", "诊断证明"),
    # JS75 annex 7 and national annex 11.
    Kind("trauma_commitment_letter", "外伤无第三方责任承诺书", is_waivable=False),
    # JS75 annex 8.
    Kind("outside_examination_proof", "外院检查或双通道购药证明"),
    Kind("admission_declaration", "入院申报表"),
    Kind("surgery_photo", "手术部位照片", True, True, is_waivable=True),
    Kind("ward_photo", "现场核查照片", True, True, is_waivable=False),
    Kind("audit_record", "现场核查笔录", is_waivable=False),
    Kind("fee_list", "费用清单"),
    Kind("invoice", "医疗收费票据"),
    Kind("discharge_record", "出院记录"),
    Kind("medical_record", "病历资料", is_restricted=True),
    Kind("surgery_record", "手术记录", is_restricted=True),
    Kind("special_disease_certificate", "门诊慢特病证明书"),
    Kind("birth_proof", "生育证明"),
    Kind("authorisation_letter", "授权委托书"),
    Kind("other", "其他材料"),
)
KINDS = {kind.code: kind for kind in _KINDS}


def stored_kind(code: str) -> Kind:
    """Returns the kind of a stored code; one that is not on the list is read by few."""
    return KINDS.get(code) or Kind(code, code, is_restricted=True, is_waivable=False)


def kind_of(code: str) -> Kind:
    """Returns the kind of a code.

    Raises:
        RuleError: MATERIAL_KIND_UNKNOWN.
    """
    kind = KINDS.get(code)
    if kind is None:
        raise RuleError(
            Reason.MATERIAL_KIND_UNKNOWN, f"{code} is no kind of paper on the list", kind=code
        )
    return kind
