"""Whether offsite can sign attestations: its keys, by what it learnt of identity's trust."""

from collections.abc import Iterator

from yibao.trust import QrError
from yibao.trust_store import TrustFolderError
from yibao_cli.doctor.finding import Finding
from yibao_common.keys.opening import open_key_store
from yibao_common.process.config import StartError
from yibao_common.rpc.trust_opening import open_trust
from yibao_common.values.clock import Clock
from yibao_offsite.config import OffsiteConfig
from yibao_offsite.keys import AttestationKeys

_SUBJECT = "attestations"


def examine_attestations(config: OffsiteConfig, *, clock: Clock) -> Iterator[Finding]:
    """Examines the keys of offsite, region by region."""
    said, identity = config.attestation, config.identity
    if said is None or identity is None or config.keys is None:
        yield Finding(_SUBJECT, remark="none: the configuration has no [attestation]")
        return
    try:
        store = open_key_store(config.keys)
        trust = open_trust(said.root_file, said.trust_folder, regions=(), section="attestation")
    except StartError as error:
        yield Finding(_SUBJECT, str(error))
        return
    try:
        trust.current(now=clock())
    except (QrError, TrustFolderError) as error:
        if isinstance(error, QrError) and error.error == "clock_suspect":
            told = f"attestation.trust_folder: nothing is signed: {error.message}: set this clock"
            yield Finding(_SUBJECT, f"{told}, or move the folder away where it was ahead")
            return
        # It is learnt with the next start; what is wrong with identity is told of there.
        yield Finding(_SUBJECT, remark="not examined: no trust of identity was learnt yet")
        return
    keys = AttestationKeys(store, trust, clock=clock)
    problems = {region: keys.problem(region) for region in identity.regions}
    for region, problem in problems.items():
        if problem:
            yield Finding(f"{_SUBJECT} of {region}", problem)
    if not any(problems.values()):
        yield Finding(_SUBJECT, remark=f"are signed, in regions: {len(problems)}")
