"""What `yibao doctor` examines of persons: whether one human has one record (I-28)."""

from collections.abc import Iterator

from yibao_cli.doctor.finding import Finding
from yibao_common.db.database import Database
from yibao_common.db.transactions import StoredTransactions
from yibao_common.keys.vault import SealError
from yibao_common.process.config import StartError
from yibao_common.values.clock import Clock
from yibao_identity.application.person.numbers import PersonNumbers
from yibao_identity.config import IdentityConfig
from yibao_identity.keys import open_vault
from yibao_identity.storage import tables
from yibao_identity.storage.work import unit_of_work


def examine_persons(
    config: IdentityConfig, database: Database, *, clock: Clock
) -> Iterator[Finding]:
    """Finds persons who bear the number of another one; only reads."""
    try:
        vault = open_vault(config)
    except StartError:
        # What is wrong with the files is told where these are examined.
        yield Finding("persons", remark="not examined: their keys cannot be read")
        return
    numbers = PersonNumbers(
        StoredTransactions(
            database, answers=tables.answer, unit=unit_of_work(vault), clock=clock, vault=vault
        )
    )
    for region in config.issuer.regions:
        subject = f"persons of region {region}"
        try:
            shared = numbers.shared(region)
        except SealError as error:
            yield Finding(subject, str(error))
            continue
        for each in shared:
            yield Finding(
                subject,
                f"{each.person_id} bears the number of {each.other_person_id}: have two operators "
                "merge them (ProposeMerge, DecideMerge)",
            )
        if not shared:
            yield Finding(subject, remark="nobody bears the number of another")
