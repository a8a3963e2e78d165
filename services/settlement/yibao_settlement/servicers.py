"""The servicers of the settlement service, each for one service of the contract."""

import os
from typing import NamedTuple

import grpc

from yibao.common.v1 import server_service_pb2_grpc
from yibao.settlement.v1 import (
    account_close_service_pb2,
    account_close_service_pb2_grpc,
    account_record_service_pb2,
    account_record_service_pb2_grpc,
    account_service_pb2,
    account_service_pb2_grpc,
    allocation_service_pb2,
    allocation_service_pb2_grpc,
    catalogue_service_pb2,
    catalogue_service_pb2_grpc,
    catalogue_version_service_pb2,
    catalogue_version_service_pb2_grpc,
    change_service_pb2,
    change_service_pb2_grpc,
    charge_service_pb2,
    charge_service_pb2_grpc,
    clearing_service_pb2,
    clearing_service_pb2_grpc,
    credential_service_pb2,
    credential_service_pb2_grpc,
    credit_service_pb2,
    credit_service_pb2_grpc,
    declaration_service_pb2,
    declaration_service_pb2_grpc,
    difference_service_pb2,
    difference_service_pb2_grpc,
    hold_service_pb2,
    hold_service_pb2_grpc,
    institution_payment_service_pb2,
    institution_payment_service_pb2_grpc,
    institution_service_pb2,
    institution_service_pb2_grpc,
    mapping_service_pb2,
    mapping_service_pb2_grpc,
    policy_service_pb2,
    policy_service_pb2_grpc,
    refund_service_pb2,
    refund_service_pb2_grpc,
    report_service_pb2,
    report_service_pb2_grpc,
    repricing_service_pb2,
    repricing_service_pb2_grpc,
    review_service_pb2,
    review_service_pb2_grpc,
    settlement_service_pb2,
    settlement_service_pb2_grpc,
    transfer_service_pb2,
    transfer_service_pb2_grpc,
    treatment_service_pb2,
    treatment_service_pb2_grpc,
    visit_service_pb2,
    visit_service_pb2_grpc,
    year_service_pb2,
    year_service_pb2_grpc,
)
from yibao_common.rpc import sandbox, server_info
from yibao_common.rpc.server_info import ServerInfoServicer
from yibao_common.values.clock import Clock
from yibao_settlement.config import SettlementConfig
from yibao_settlement.servicer.account import AccountServicer
from yibao_settlement.servicer.account_close import AccountCloseServicer
from yibao_settlement.servicer.account_record import AccountRecordServicer
from yibao_settlement.servicer.allocation import AllocationServicer
from yibao_settlement.servicer.catalogue import CatalogueServicer
from yibao_settlement.servicer.catalogue_version.calls import CatalogueVersionServicer
from yibao_settlement.servicer.change.calls import ChangeServicer
from yibao_settlement.servicer.charge import ChargeServicer
from yibao_settlement.servicer.credit import CreditServicer
from yibao_settlement.servicer.declaration.calls import DeclarationServicer
from yibao_settlement.servicer.declaration.payments import InstitutionPaymentServicer
from yibao_settlement.servicer.difference import DifferenceServicer
from yibao_settlement.servicer.hold import HoldServicer
from yibao_settlement.servicer.institution.calls import InstitutionServicer
from yibao_settlement.servicer.mapping import MappingServicer
from yibao_settlement.servicer.news import News
from yibao_settlement.servicer.period import ClearingServicer
from yibao_settlement.servicer.policy import PolicyServicer
from yibao_settlement.servicer.refund.calls import RefundServicer
from yibao_settlement.servicer.report import ReportServicer
from yibao_settlement.servicer.repricing import RepricingServicer
from yibao_settlement.servicer.resolution import CredentialServicer
from yibao_settlement.servicer.review import ReviewServicer
from yibao_settlement.servicer.settlement import SettlementServicer
from yibao_settlement.servicer.transfer import TransferServicer
from yibao_settlement.servicer.treatment import TreatmentServicer
from yibao_settlement.servicer.trust.holder import TrustHolder
from yibao_settlement.servicer.visit import VisitServicer
from yibao_settlement.servicer.year import YearServicer

DESCRIPTORS = (
    visit_service_pb2.DESCRIPTOR.services_by_name["VisitService"],
    credential_service_pb2.DESCRIPTOR.services_by_name["CredentialService"],
    charge_service_pb2.DESCRIPTOR.services_by_name["ChargeService"],
    settlement_service_pb2.DESCRIPTOR.services_by_name["SettlementService"],
    change_service_pb2.DESCRIPTOR.services_by_name["ChangeService"],
    refund_service_pb2.DESCRIPTOR.services_by_name["RefundService"],
    hold_service_pb2.DESCRIPTOR.services_by_name["HoldService"],
    review_service_pb2.DESCRIPTOR.services_by_name["ReviewService"],
    account_service_pb2.DESCRIPTOR.services_by_name["AccountService"],
    credit_service_pb2.DESCRIPTOR.services_by_name["CreditService"],
    allocation_service_pb2.DESCRIPTOR.services_by_name["AllocationService"],
    transfer_service_pb2.DESCRIPTOR.services_by_name["TransferService"],
    account_record_service_pb2.DESCRIPTOR.services_by_name["AccountRecordService"],
    difference_service_pb2.DESCRIPTOR.services_by_name["DifferenceService"],
    clearing_service_pb2.DESCRIPTOR.services_by_name["ClearingService"],
    declaration_service_pb2.DESCRIPTOR.services_by_name["DeclarationService"],
    institution_payment_service_pb2.DESCRIPTOR.services_by_name["InstitutionPaymentService"],
    treatment_service_pb2.DESCRIPTOR.services_by_name["TreatmentService"],
    year_service_pb2.DESCRIPTOR.services_by_name["YearService"],
    account_close_service_pb2.DESCRIPTOR.services_by_name["AccountCloseService"],
    report_service_pb2.DESCRIPTOR.services_by_name["ReportService"],
    repricing_service_pb2.DESCRIPTOR.services_by_name["RepricingService"],
    catalogue_service_pb2.DESCRIPTOR.services_by_name["CatalogueService"],
    catalogue_version_service_pb2.DESCRIPTOR.services_by_name["CatalogueVersionService"],
    mapping_service_pb2.DESCRIPTOR.services_by_name["MappingService"],
    institution_service_pb2.DESCRIPTOR.services_by_name["InstitutionService"],
    policy_service_pb2.DESCRIPTOR.services_by_name["PolicyService"],
    server_info.DESCRIPTOR,
    sandbox.DESCRIPTOR,
)


def credentials_of(
    config: SettlementConfig, news: News, trust: TrustHolder, *, clock: Clock
) -> CredentialServicer:
    """Returns what resolves codes of the regions that are served."""
    return CredentialServicer(
        news,
        trust=trust,
        regions=config.identity.regions,
        valid_for=config.tokens.valid_for,
        clock=clock,
        random_bytes=os.urandom,
    )


class Servicers(NamedTuple):
    """One servicer for each service."""

    visits: VisitServicer
    credentials: CredentialServicer
    settlements: SettlementServicer
    changes: ChangeServicer
    refunds: RefundServicer
    holds: HoldServicer
    charges: ChargeServicer
    reviews: ReviewServicer
    accounts: AccountServicer
    credits: CreditServicer
    allocations: AllocationServicer
    transfers: TransferServicer
    account_records: AccountRecordServicer
    differences: DifferenceServicer
    clearing: ClearingServicer
    declarations: DeclarationServicer
    institution_payments: InstitutionPaymentServicer
    treatment: TreatmentServicer
    years: YearServicer
    account_closes: AccountCloseServicer
    reports: ReportServicer
    repricings: RepricingServicer
    catalogue: CatalogueServicer
    catalogue_versions: CatalogueVersionServicer
    mappings: MappingServicer
    institutions: InstitutionServicer
    policies: PolicyServicer
    server: ServerInfoServicer

    def register(self, server: grpc.aio.Server) -> None:
        """Lets a server answer for all of them."""
        visit_service_pb2_grpc.add_VisitServiceServicer_to_server(self.visits, server)
        credential_service_pb2_grpc.add_CredentialServiceServicer_to_server(
            self.credentials, server
        )
        settlement_service_pb2_grpc.add_SettlementServiceServicer_to_server(
            self.settlements, server
        )
        change_service_pb2_grpc.add_ChangeServiceServicer_to_server(self.changes, server)
        refund_service_pb2_grpc.add_RefundServiceServicer_to_server(self.refunds, server)
        hold_service_pb2_grpc.add_HoldServiceServicer_to_server(self.holds, server)
        charge_service_pb2_grpc.add_ChargeServiceServicer_to_server(self.charges, server)
        review_service_pb2_grpc.add_ReviewServiceServicer_to_server(self.reviews, server)
        account_service_pb2_grpc.add_AccountServiceServicer_to_server(self.accounts, server)
        credit_service_pb2_grpc.add_CreditServiceServicer_to_server(self.credits, server)
        allocation_service_pb2_grpc.add_AllocationServiceServicer_to_server(
            self.allocations, server
        )
        transfer_service_pb2_grpc.add_TransferServiceServicer_to_server(self.transfers, server)
        account_record_service_pb2_grpc.add_AccountRecordServiceServicer_to_server(
            self.account_records, server
        )
        difference_service_pb2_grpc.add_DifferenceServiceServicer_to_server(
            self.differences, server
        )
        clearing_service_pb2_grpc.add_ClearingServiceServicer_to_server(self.clearing, server)
        declaration_service_pb2_grpc.add_DeclarationServiceServicer_to_server(
            self.declarations, server
        )
        institution_payment_service_pb2_grpc.add_InstitutionPaymentServiceServicer_to_server(
            self.institution_payments, server
        )
        treatment_service_pb2_grpc.add_TreatmentServiceServicer_to_server(self.treatment, server)
        year_service_pb2_grpc.add_YearServiceServicer_to_server(self.years, server)
        account_close_service_pb2_grpc.add_AccountCloseServiceServicer_to_server(
            self.account_closes, server
        )
        report_service_pb2_grpc.add_ReportServiceServicer_to_server(self.reports, server)
        repricing_service_pb2_grpc.add_RepricingServiceServicer_to_server(self.repricings, server)
        catalogue_service_pb2_grpc.add_CatalogueServiceServicer_to_server(self.catalogue, server)
        catalogue_version_service_pb2_grpc.add_CatalogueVersionServiceServicer_to_server(
            self.catalogue_versions, server
        )
        mapping_service_pb2_grpc.add_MappingServiceServicer_to_server(self.mappings, server)
        institution_service_pb2_grpc.add_InstitutionServiceServicer_to_server(
            self.institutions, server
        )
        policy_service_pb2_grpc.add_PolicyServiceServicer_to_server(self.policies, server)
        server_service_pb2_grpc.add_ServerServiceServicer_to_server(self.server, server)
