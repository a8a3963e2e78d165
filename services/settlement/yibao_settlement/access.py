"""Who may call what in the settlement service; a test walks every method."""

from yibao_common.rpc.access import AccessTable
from yibao_common.rpc.server_info import ACCESS_ROWS
from yibao_common.values.caller import Role

_COUNTER = frozenset({Role.INSTITUTION, Role.TERMINAL})
_AGENCY = frozenset({Role.AGENCY})
_SERVICE = frozenset({Role.SERVICE})
_COUNTER_OR_AGENCY = _COUNTER | _AGENCY
# The holder of an e-certificate, also by way of an app, reads of itself.
_OWN = frozenset({Role.HOLDER, Role.CHANNEL})

ACCESS = AccessTable.of_services(
    {
        **ACCESS_ROWS,
        "yibao.settlement.v1.VisitService": {
            "RegisterVisit": _COUNTER,
            "UpdateVisit": _COUNTER,
            "DischargeVisit": _COUNTER_OR_AGENCY,
            "CancelDischarge": _COUNTER,
            "CancelVisit": _COUNTER,
            "GetVisit": _COUNTER_OR_AGENCY,
            "ListVisits": _COUNTER_OR_AGENCY,
            "ListOpenStays": _COUNTER_OR_AGENCY,
            "ValidateFirstUse": _SERVICE,
        },
        "yibao.settlement.v1.CredentialService": {
            "ResolveCredential": _COUNTER,
        },
        "yibao.settlement.v1.SettlementService": {
            "TrialBill": _COUNTER,
            "SettleBill": _COUNTER,
            "SubmitBills": _COUNTER,
            "ReverseSettlement": _COUNTER_OR_AGENCY,
            "GetSettlement": _COUNTER_OR_AGENCY | _OWN,
            "ListSettlements": _COUNTER_OR_AGENCY | _OWN,
            "ExplainSettlement": _COUNTER_OR_AGENCY | _OWN,
            "ExplainWhatIf": _COUNTER_OR_AGENCY,
            "GetStatement": _COUNTER_OR_AGENCY | _OWN,
            "ResolveRequest": _COUNTER,
        },
        "yibao.settlement.v1.ChangeService": {
            "ListSettlementChanges": _COUNTER_OR_AGENCY,
        },
        "yibao.settlement.v1.RefundService": {
            "RefundSettlement": _COUNTER_OR_AGENCY,
            "CorrectSettlement": _COUNTER_OR_AGENCY,
            "TrialRefund": _COUNTER_OR_AGENCY,
            "TrialCorrection": _COUNTER_OR_AGENCY,
            "TrialReversal": _COUNTER_OR_AGENCY,
            "ProposeOverride": _AGENCY,
            "ConfirmOverride": _AGENCY,
            "GetOverride": _AGENCY,
            "WithdrawOverride": _AGENCY,
            "ListOverrides": _AGENCY,
        },
        "yibao.settlement.v1.HoldService": {
            "HoldBill": _COUNTER,
            "ConfirmHold": _COUNTER,
            "ReleaseHold": _COUNTER_OR_AGENCY,
            "GetHold": _COUNTER_OR_AGENCY,
            "ListHolds": _COUNTER_OR_AGENCY,
        },
        "yibao.settlement.v1.ChargeService": {
            "UploadLines": _COUNTER,
            "CancelLines": _COUNTER,
            "ListLines": _COUNTER_OR_AGENCY,
        },
        "yibao.settlement.v1.ReviewService": {
            "ListReviews": _COUNTER_OR_AGENCY,
            "GetReview": _COUNTER_OR_AGENCY,
            "ProposeDecision": _AGENCY,
            "ConfirmDecision": _AGENCY,
            "RejectDecision": _AGENCY,
        },
        "yibao.settlement.v1.AccountService": {
            "CreditAccount": _AGENCY,
            "GetAccount": _AGENCY | _OWN,
            "GetAccountStatement": _AGENCY | _OWN,
            "ListFundBalances": _AGENCY,
        },
        "yibao.settlement.v1.DifferenceService": {
            "GetDifference": _AGENCY | _OWN,
            "ListDifferenceOrders": _AGENCY,
            "ProposeDifferenceOrder": _AGENCY,
            "ConfirmDifferenceOrder": _AGENCY,
            "RejectDifferenceOrder": _AGENCY,
            "ProposeRepair": _AGENCY,
            "ConfirmRepair": _AGENCY,
            "WithdrawRepair": _AGENCY,
            "ListRepairs": _AGENCY,
            "MoveDue": _AGENCY,
            "MoveAllDue": _AGENCY,
        },
        "yibao.settlement.v1.ReportService": {
            "ListActFigures": _AGENCY,
            "ListRefusalFigures": _AGENCY,
            "GetRegionPosition": _AGENCY,
        },
        "yibao.settlement.v1.ClearingService": {
            "ListPeriods": _AGENCY,
            "GetPeriod": _COUNTER_OR_AGENCY,
            "ProposePeriodClose": _AGENCY,
            "ConfirmPeriodClose": _AGENCY,
            "GetDayTotals": _COUNTER_OR_AGENCY,
            "CompareDay": _COUNTER,
        },
        "yibao.settlement.v1.DeclarationService": {
            "GetMonthTotals": _COUNTER_OR_AGENCY,
            "DeclareMonth": _COUNTER,
            "WithdrawDeclaration": _COUNTER,
            "GetDeclaration": _COUNTER_OR_AGENCY,
            "ListDeclarations": _COUNTER_OR_AGENCY,
            "ListDeclaredActs": _COUNTER_OR_AGENCY,
            "AcceptDeclaration": _AGENCY,
            "RejectDeclaration": _AGENCY,
            "ProposeDeduction": _AGENCY,
            "ConfirmDeduction": _AGENCY,
            "WithdrawDeduction": _AGENCY,
            "ListDeductions": _COUNTER_OR_AGENCY,
        },
        "yibao.settlement.v1.InstitutionPaymentService": {
            "ProposeInstitutionPayment": _AGENCY,
            "ConfirmInstitutionPayment": _AGENCY,
            "WithdrawInstitutionPayment": _AGENCY,
            "ReportInstitutionPayment": _AGENCY,
            "GetInstitutionPayment": _COUNTER_OR_AGENCY,
            "ListInstitutionPayments": _COUNTER_OR_AGENCY,
            "ProposeDepositMove": _AGENCY,
            "ConfirmDepositMove": _AGENCY,
            "WithdrawDepositMove": _AGENCY,
            "ListDepositMoves": _COUNTER_OR_AGENCY,
        },
        "yibao.settlement.v1.YearService": {
            "ProposeYearClose": _AGENCY,
            "ConfirmYearClose": _AGENCY,
            "GetBenefitYear": _AGENCY,
            "GetYearStatement": _AGENCY,
            "ListYearStatements": _AGENCY,
        },
        "yibao.settlement.v1.RepricingService": {
            "RepriceSettlements": _AGENCY,
            "GetRepricing": _AGENCY,
            "ListRepricings": _AGENCY,
            "ListRepricedPersons": _AGENCY,
            "ConfirmRepricing": _AGENCY,
            "WithdrawRepricing": _AGENCY,
        },
        "yibao.settlement.v1.CatalogueService": {
            "ImportCatalogueItems": _AGENCY,
            "GetCatalogueItem": _COUNTER_OR_AGENCY,
            "ImportInstitutions": _AGENCY,
        },
        "yibao.settlement.v1.CatalogueVersionService": {
            "BeginCatalogueVersion": _AGENCY,
            "UploadCatalogueRows": _AGENCY,
            "ListCatalogueRowFaults": _AGENCY,
            "SubmitCatalogueVersion": _AGENCY,
            "DiffCatalogueVersion": _AGENCY,
            "ApproveCatalogueVersion": _AGENCY,
            "WithdrawCatalogueVersion": _AGENCY,
            "RollBackCatalogueVersion": _AGENCY,
            "GetCatalogueVersion": _COUNTER_OR_AGENCY,
            "ListCatalogueVersions": _COUNTER_OR_AGENCY,
            "ListCatalogueChanges": _COUNTER_OR_AGENCY,
            "GetCatalogue": _COUNTER_OR_AGENCY,
            "DescribeItem": _COUNTER_OR_AGENCY,
        },
        "yibao.settlement.v1.PolicyService": {
            "ValidatePolicy": _AGENCY,
            "SubmitPolicy": _AGENCY,
            "ApprovePolicy": _AGENCY,
            "WithdrawPolicy": _AGENCY,
            "GetPolicy": _COUNTER_OR_AGENCY,
            "ListPolicies": _COUNTER_OR_AGENCY,
            "DescribePolicy": _COUNTER_OR_AGENCY,
            "DiffPolicies": _COUNTER_OR_AGENCY,
            "SimulatePolicy": _AGENCY,
        },
    }
)
