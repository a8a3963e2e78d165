"""Who calls the services of a sandbox, each with a client certificate of its own."""

from collections.abc import Iterable
from dataclasses import dataclass

from yibao_cli.regions import Region
from yibao_common.keys.dev_ca import Leaf

SERVICES = ("identity", "settlement", "offsite")
# Asks for health and nothing else; every certificate may.
PROBE = "probe"
CHANNEL = "channel-app"
# The bank whose branches issue and activate cards in a sandbox.
BANK_CODE = "BANK1"


@dataclass(frozen=True, slots=True)
class RegionParties:
    """The names of the parties of one region, as their certificate files bear them."""

    maker: str
    checker: str
    hospital: str
    hospital_id: str
    terminal: str
    bank: str


def parties_of(region: Region) -> RegionParties:
    """Returns the parties of a region; its hospital is that of the sample bill."""
    return RegionParties(
        maker=f"agency-{region.region}-maker",
        checker=f"agency-{region.region}-checker",
        hospital=f"hospital-{region.region}",
        hospital_id=region.sample_bill.institution_id,
        terminal=f"terminal-{region.region}",
        bank=f"bank-{region.region}",
    )


def institution_leaf(region: Region, institution_id: str) -> str:
    """Returns the certificate of an institution of a region; its hospital has its own name."""
    parties = parties_of(region)
    is_hospital = institution_id == parties.hospital_id
    return parties.hospital if is_hospital else f"institution-{institution_id}"


def certificate_leaves(regions: Iterable[Region]) -> list[Leaf]:
    """Returns the certificates that a sandbox needs: services, agencies, hospitals, banks."""
    leaves = [Leaf(name, f"service/{name}", is_server=True) for name in SERVICES]
    leaves.append(Leaf(PROBE, f"service/{PROBE}"))
    leaves.append(Leaf(CHANNEL, "channel/app"))
    for region in regions:
        parties = parties_of(region)
        leaves.append(Leaf(parties.maker, f"agency/{region.region}/maker"))
        leaves.append(Leaf(parties.checker, f"agency/{region.region}/checker"))
        leaves.append(Leaf(parties.hospital, f"institution/{parties.hospital_id}"))
        leaves.append(Leaf(parties.terminal, f"terminal/{parties.hospital_id}/T1"))
        leaves.append(Leaf(parties.bank, f"bank/{region.region}/{BANK_CODE}/clerk"))
        for institution in region.institutions:
            institution_id = institution.institution_id
            if institution_id != parties.hospital_id:
                name = institution_leaf(region, institution_id)
                leaves.append(Leaf(name, f"institution/{institution_id}"))
    return leaves
