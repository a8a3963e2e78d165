"""Real names pass, of every script; emoji, formulas and stacks of marks are named."""

import pytest

from yibao.identity.v1 import person_service_pb2 as identity
from yibao.settlement.v1 import bill_pb2, catalogue_service_pb2, visit_service_pb2
from yibao_common.rpc.field_checks import rules_of
from yibao_common.rpc.formats import Form, form_of

NAME = form_of(rules_of(identity.RegisterPersonRequest.DESCRIPTOR.fields_by_name["person_name"]))
LABELLED = [
    (bill_pb2.LineOrigin, "doctor_name"),
    (bill_pb2.LineOrigin, "department"),
    (visit_service_pb2.RegisterVisitRequest, "department"),
    (catalogue_service_pb2.Institution, "institution_name"),
]
TEXT = form_of(rules_of(bill_pb2.LineOrigin.DESCRIPTOR.fields_by_name["provider_item_name"]))


def told(form: Form, text: str) -> str:
    """Returns why a text is refused; nothing where it is taken."""
    fault = form.find_fault(text)
    if fault is None:
        return ""
    assert not form.fits(text)
    return fault[1]


@pytest.mark.parametrize(
    "name",
    [
        *("王小明", "欧阳娜娜", "买买提·艾力", "阿卜杜热西提·阿卜杜拉", "李〇", "𠮷田", "㐂"),
        # Of extensions E, G, H, I and J, the last three newer than this Python.
        *("王\U0002b820", "王\U00030001", "王\U00031350", "王\U0002ebf0", "王\U000323b0"),
        *("རྡོ་རྗེ", "བསྒྲུབས", "ᠪᠠᠲᠤ", "ئالىم", "ꆈꌠ", "Nguyễn Văn Ánh", "김민준", "さくら"),
        *("O'Brien", "O’Brien", "’t Hoen", "Anne-Marie", "ZHANG, SAN", "ZHANG/SAN", "J. R. Ewing"),
        *("José", "Ẹ̀bùn", "Kealiʻi", "张三之女2", "李四（曾用名李五）", "Müller (geb. Schmidt)"),
        *("मैथिली", "สมชาย", "محمّد", "Đặng", "A"),
    ],
)
def test_a_real_name_is_taken(name: str) -> None:
    assert told(NAME, name) == ""


@pytest.mark.parametrize(
    ("name", "character"),
    [
        ("王小明\U0001f600", "U+1F600 GRINNING FACE"),
        ("王\u2764", "U+2764 HEAVY BLACK HEART"),
        ("=1+2a", "U+003D EQUALS SIGN"),
        ("+王", "U+002B PLUS SIGN"),
        ("@SUM(a)", "U+0040 COMMERCIAL AT"),
        ("-王", "begins with U+002D HYPHEN-MINUS"),
        ("\uff1d王", "U+FF1D FULLWIDTH EQUALS SIGN"),
        ("王|calc", "U+007C VERTICAL LINE"),
        ("王<b>", "U+003C LESS-THAN SIGN"),
        ("王*", "U+002A ASTERISK"),
        ("\u0301王", "U+0301 COMBINING ACUTE ACCENT"),
        ("a" + "\u0321" * 3, "U+0321 COMBINING PALATALIZED HOOK BELOW"),
        ("\u0f40" + "\u0f71" * 7, "U+0F71 TIBETAN VOWEL SIGN AA"),
    ],
)
def test_what_no_name_has_is_named(name: str, character: str) -> None:
    assert character in told(NAME, name)


@pytest.mark.parametrize(("message", "field"), LABELLED)
@pytest.mark.parametrize(
    ("label", "character"),
    [
        ("心内科\U0001f600", "U+1F600 GRINNING FACE"),
        ("=HYPERLINK(1)", "U+003D EQUALS SIGN"),
        ("+内科", "U+002B PLUS SIGN"),
        ("-内科", "U+002D HYPHEN-MINUS"),
        ("@内科", "U+0040 COMMERCIAL AT"),
        ("内科" + "\u0336" * 3, "U+0336 COMBINING LONG STROKE OVERLAY"),
    ],
)
def test_what_nothing_is_called_is_named(
    message: type, field: str, label: str, character: str
) -> None:
    form = form_of(rules_of(message.DESCRIPTOR.fields_by_name[field]))  # type: ignore[attr-defined]
    assert character in told(form, label)


@pytest.mark.parametrize(("message", "field"), LABELLED)
@pytest.mark.parametrize(
    "label", ["内科（二）", "ICU-2", "骨科\u3000东院", "A+B", "3号", "王〇", "耳鼻喉科/口腔科"]
)
def test_what_places_and_doctors_are_called_is_taken(message: type, field: str, label: str) -> None:
    form = form_of(rules_of(message.DESCRIPTOR.fields_by_name[field]))  # type: ignore[attr-defined]
    assert told(form, label) == ""


@pytest.mark.parametrize("text", ["+1床", "=A", "★阿莫西林", "-", "@"])
def test_an_institutions_own_texts_begin_with_any_sign(text: str) -> None:
    assert told(TEXT, text) == ""


def test_no_text_has_stacks_of_marks() -> None:
    assert "U+0308 COMBINING DIAERESIS" in told(TEXT, "x\u0301\u0302\u0308")
    assert told(TEXT, "x\u0301\u0302") == ""
