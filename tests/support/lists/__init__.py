"""Every list of the services that is read by pages: its items, and how it is read."""

from collections.abc import Callable

from support.lists import accounts, bills, catalogue, identity, institutions, offsite
from support.lists.paged import Made, Shop

# By the method; behind a blank what is asked for of it where it is read in more than one way.
LISTS: dict[str, Callable[[Shop], Made]] = {
    "AllocationService/ListAllocatedPersons": accounts.allocated_persons,
    "AllocationService/ListAllocations": accounts.allocations,
    "AllocationService/ListCreditPolicies": accounts.credit_policies,
    "CardService/ListCardTransactions": identity.card_transactions,
    "CatalogueVersionService/DiffCatalogueVersion": catalogue.differences,
    "CatalogueVersionService/ListCatalogueChanges": catalogue.changes,
    "CatalogueVersionService/ListCatalogueChanges of a day": catalogue.in_force,
    "CatalogueVersionService/ListCatalogueRowFaults": catalogue.row_faults,
    "CatalogueVersionService/ListCatalogueVersions": catalogue.versions,
    "CertificateService/ListMisuseCases": identity.misuse_cases,
    "ChangeService/ListSettlementChanges": bills.settlement_changes,
    "ChargeService/ListLines": bills.lines,
    "ClearingService/ListPeriods": institutions.periods,
    "CreditService/ListAccountOrders": accounts.orders_of_accounts,
    "CreditService/ListCredits": accounts.credits,
    "DeclarationService/ListDeclarations": institutions.declarations,
    "DeclarationService/ListDeclaredActs": institutions.declared_acts,
    "DeclarationService/ListDeductions": institutions.deductions,
    "DifferenceService/ListDifferenceOrders": accounts.orders_of_differences,
    "DifferenceService/ListRepairs": accounts.repairs,
    "HoldService/ListHolds": bills.holds,
    "InstitutionPaymentService/ListDepositMoves": institutions.deposit_moves,
    "InstitutionPaymentService/ListInstitutionPayments": institutions.payments,
    "InstitutionService/ListDepartments": institutions.departments,
    "InstitutionService/ListDoctors": institutions.doctors,
    "InstitutionService/ListInstitutions": institutions.institutions,
    "InstitutionService/ListSuspensions": institutions.suspensions,
    "MappingService/ListMappings": institutions.mappings,
    "OffsiteFeedService/ListOffsiteChanges": offsite.offsite_changes,
    "PersonService/ListEnrolmentChanges": identity.enrolment_changes,
    "PersonService/ListMerges": identity.merges,
    "PolicyService/ListPolicies": catalogue.policies,
    "RefundService/ListOverrides": bills.overrides,
    "ReportService/ListActFigures by day": bills.daily_figures,
    "ReportService/ListActFigures by institution": bills.act_figures,
    "RepricingService/ListRepricedPersons": bills.repriced_persons,
    "RepricingService/ListRepricings": bills.repricings,
    "ReviewService/ListReviews": bills.reviews,
    "SettlementService/ListSettlements": bills.settlements,
    "SupervisionService/ListAuditEvents": identity.audit_events,
    "TransferService/ListTransfers": accounts.transfers,
    "TransferService/ListTransfers that are stuck": accounts.stuck_transfers,
    "VisitService/ListVisits": bills.visits,
    "YearService/ListYearStatements": accounts.year_statements,
}
