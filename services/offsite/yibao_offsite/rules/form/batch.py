"""The application of several persons for chronic diseases, on as many pages as they take."""

from yibao_common.values.sheet import Column, Sheet, Table
from yibao_offsite.rules.form.form import Form, FormApplicant, foot, grid

_COLUMNS = (
    Column("序号", 26),
    Column("姓名", 44),
    Column("身份证号码", 96),
    Column("单位", 66),
    Column("申请医院编码", 68),
    Column("地址", 76),
    Column("电话", 66),
    Column("诊断依据", 94),
    Column("病种", 58),
    Column("并发症", 56),
    Column("分型", 32),
    Column("严重等级", 42),
    Column("定点医院编码", 68),
)
# Lines of a form that is filled in by hand: as many as a page has room for.
_LINES_TO_WRITE = 12


def chronic_batch(form: Form) -> Sheet:
    """Returns the application with a line for each applicant, or with lines to write on."""
    rows = tuple(_row(number, each) for number, each in enumerate(form.applicants, 1))
    blank = (("", *(("",) * (len(_COLUMNS) - 1))),) * _LINES_TO_WRITE
    count = f"{len(rows)}人" if rows else ""
    return Sheet(
        title="门诊慢特病待遇认定批量申请表",
        unit="",
        mark="",
        front=(
            grid((("参保地", form.region_name), ("申请人数", count))),
            Table(_COLUMNS, rows or blank, lines=1 if rows else 3),
        ),
        signatures=("单位（医院）经办人", "单位（医院）章", "经办机构（章）", "日期"),
        foot=foot(form),
        list_title="",
        list_pages=(),
        is_wide=True,
    )


def _row(number: int, applicant: FormApplicant) -> tuple[str, ...]:
    person = applicant.person
    return (
        str(number),
        person.person_name,
        person.certificate_number,
        person.employer_name,
        applicant.institution_id,
        person.address,
        person.phone(1),
        applicant.diagnosis_basis,
        applicant.disease_name,
        applicant.complication_name,
        applicant.subtype_name,
        applicant.severity_name,
        " ".join(applicant.treating_institution_ids),
    )
