"""What application decides of imports, without a database."""

import datetime as dt

import pytest
from support.memory.settlement.work import REGION, MemoryWork, request

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.application.catalogue import Catalogue, ImportInstitutions, ImportItems
from yibao_settlement.rules.bill import CatalogueItem
from yibao_settlement.rules.visit import Institution

NOW = dt.datetime(2026, 11, 27, 4, tzinfo=dt.UTC)
SINCE = dt.date(2024, 1, 1)
ITEMS = [CatalogueItem(code, code, "01", None, "", SINCE, None) for code in ("A1", "A2")]
HOSPITAL = Institution("H99901900001", "示例医院", "2", True, SINCE, None)


@pytest.fixture
def kept() -> MemoryWork:
    return MemoryWork()


def import_items(kept: MemoryWork, request_id: str, items: list[CatalogueItem]) -> bytes:
    catalogue = Catalogue(kept, clock=lambda: NOW)
    command = ImportItems(request("ImportCatalogueItems", request_id), items)
    return catalogue.import_items(command, lambda stored: b"%d" % stored)


def test_items_are_stored_seen_by_all_and_put_on_record(kept: MemoryWork) -> None:
    assert import_items(kept, "i", ITEMS) == b"2"
    assert list(kept.catalogue.items.values()) == ITEMS
    assert kept.epoch == 1
    (entry,) = kept.work.audit.entries
    assert (entry.method, entry.caller) == ("ImportCatalogueItems", f"agency/{REGION}/maker")
    digest = request("ImportCatalogueItems", "i").digest
    assert entry.detail == {"rows": "2", "digest": digest.hex()}
    assert (entry.subject_ids, entry.outcome, entry.request_id) == ((), "OK", "i")


def test_an_import_that_comes_twice_is_carried_out_once(kept: MemoryWork) -> None:
    assert import_items(kept, "i", ITEMS) == import_items(kept, "i", ITEMS)
    assert (kept.epoch, len(kept.work.audit.entries)) == (1, 1)


def test_institutions_are_stored_seen_by_all_and_put_on_record(kept: MemoryWork) -> None:
    command = ImportInstitutions(request("ImportInstitutions", "i"), [HOSPITAL])
    catalogue = Catalogue(kept, clock=lambda: NOW)
    assert catalogue.import_institutions(command, lambda stored: b"%d" % stored) == b"1"
    assert kept.catalogue.institutions == {HOSPITAL.institution_id: HOSPITAL}
    assert kept.epoch == 1
    (entry,) = kept.work.audit.entries
    assert (entry.method, entry.detail["rows"]) == ("ImportInstitutions", "1")


def test_an_id_of_another_import_is_refused_and_stores_nothing(kept: MemoryWork) -> None:
    import_items(kept, "i", ITEMS)
    command = ImportInstitutions(request("ImportInstitutions", "i"), [HOSPITAL])
    with pytest.raises(RuleError) as raised:
        Catalogue(kept, clock=lambda: NOW).import_institutions(command, lambda stored: b"")
    assert raised.value.reason is Reason.REQUEST_ID_REUSED
    assert (kept.epoch, kept.catalogue.institutions) == (1, {})
