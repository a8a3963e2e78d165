import com.google.protobuf.Timestamp;
import io.grpc.Grpc;
import io.grpc.ManagedChannel;
import io.grpc.TlsChannelCredentials;
import io.grpc.stub.AbstractBlockingStub;
import java.io.File;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneId;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import yibao.common.v1.Date;
import yibao.settlement.v1.*;

/**
 * A hospital's day, from the scan to the close:
 * HospitalDay ADDRESS CA CERTIFICATE KEY ADMISSION_CODE PAYMENT_CODE.
 *
 * <p>Each request id is made before the first attempt; a real system stores it then, with what it asks.
 */
public final class HospitalDay {
    private final ManagedChannel channel;

    private HospitalDay(ManagedChannel channel) {
        this.channel = channel;
    }

    public static void main(String[] arguments) throws Exception {
        TlsChannelCredentials.Builder tls = TlsChannelCredentials.newBuilder();
        tls.trustManager(new File(arguments[1]));
        tls.keyManager(new File(arguments[2]), new File(arguments[3]));
        ManagedChannel channel = Grpc.newChannelBuilder(arguments[0], tls.build()).build();
        try {
            new HospitalDay(channel).run(arguments[4], arguments[5]);
        } finally {
            channel.shutdownNow(); // StatusRuntimeException: FirstCall.java reads its details
        }
    }

    private void run(String admissionCode, String paymentCode) {
        ResolveCredentialResponse person = scan(admissionCode, "01103");
        String region = person.getRegion(); // the code tells it, nobody else
        System.out.println("patient " + person.getPersonNameMasked());

        String visitNumber = "ZY-" + System.currentTimeMillis(); // your own number of the visit
        Visit visit = within(VisitServiceGrpc.newBlockingStub(channel))
            .registerVisit(RegisterVisitRequest.newBuilder()
                .setRequestId(newId())
                .setRegion(region)
                .setPresentation(shown(person))
                .setProviderVisitNumber(visitNumber)
                .setCareType("2101")
                .setStartDate(today())
                .addDiagnoses(Diagnosis.newBuilder()
                    .setDiagnosisCode("I10.x00").setDiagnosisName("高血压").setIsMain(true))
                .build())
            .getVisit();
        System.out.println("registered " + visit.getState());

        UploadLinesResponse uploaded = within(ChargeServiceGrpc.newBlockingStub(channel))
            .uploadLines(UploadLinesRequest.newBuilder()
                .setRequestId(newId())
                .setRegion(region)
                .setVisitId(visit.getVisitId())
                .setChargeBatchId("D1")
                .addLines(line(1, "A1", "100.00", "90", 900_000))
                .addLines(line(2, "B1", "100.00", "10", 100_000))
                .addLines(line(3, "C1", "50.00", "10", 50_000))
                .build());
        System.out.println("uploaded " + uploaded.getResultsCount());

        Bill bill = Bill.newBuilder()
            .setVisitId(visit.getVisitId())
            .setBillNumber("1")
            .setServiceDate(today())
            .setTotalFen(1_050_000)
            .setUploaded(UploadedLines.newBuilder().setChargeBatchId("D1"))
            .setAccountUse(AccountUse.ACCOUNT_USE_NONE)
            .build();
        Settlement settlement = settle(region, visitNumber, paymentCode, bill);
        giveBack(region, settlement);
        System.out.println("listed " + listed(region, visit.getVisitId()));

        DaySum total = within(ClearingServiceGrpc.newBlockingStub(channel))
            .getDayTotals(GetDayTotalsRequest.newBuilder()
                .setRegion(region).setActDate(today()).build())
            .getTotal();
        System.out.println("day " + total.getSettledCount() + " " + total.getRefundedCount() + " "
            + total.getTotalFen());
    }

    /** Scans a code for a purpose; returns who showed it, with a token that stands for the code. */
    private ResolveCredentialResponse scan(String qrText, String audience) {
        Instant now = Instant.now();
        return within(CredentialServiceGrpc.newBlockingStub(channel))
            .resolveCredential(ResolveCredentialRequest.newBuilder()
                .setRequestId(newId())
                .setAudience(audience)
                .setPresentation(Presentation.newBuilder()
                    .setQrText(qrText)
                    .setScanTime(Timestamp.newBuilder()
                        .setSeconds(now.getEpochSecond()).setNanos(now.getNano()))
                    .setTerminalId("T1"))
                .build());
    }

    private Settlement settle(String region, String visitNumber, String paymentCode, Bill bill) {
        Settlement tried = within(SettlementServiceGrpc.newBlockingStub(channel))
            .trialBill(TrialBillRequest.newBuilder().setRegion(region).setBill(bill).build())
            .getSettlement();
        System.out.println("trial " + tried.getFundTotalFen() + " " + tried.getAccountFen() + " "
            + tried.getCashFen());

        String requestId = newId();
        within(SettlementServiceGrpc.newBlockingStub(channel))
            .settleBill(SettleBillRequest.newBuilder()
                .setRequestId(requestId)
                .setRegion(region)
                .setBill(bill)
                .setPresentation(shown(scan(paymentCode, "01301")))
                // What the patient was shown: any other sum is refused.
                .setExpected(ExpectedAmounts.newBuilder()
                    .setFundTotalFen(tried.getFundTotalFen())
                    .setAccountFen(tried.getAccountFen())
                    .setCashFen(tried.getCashFen()))
                .build());
        // Where that answer does not come, the request id tells what became of it.
        RequestOutcome outcome = within(SettlementServiceGrpc.newBlockingStub(channel))
            .resolveRequest(ResolveRequestRequest.newBuilder()
                .setRequestId(newId()).setRegion(region).setAskedRequestId(requestId).build())
            .getOutcome();
        System.out.println("outcome " + outcome.getState());
        Settlement settlement = within(SettlementServiceGrpc.newBlockingStub(channel))
            .getSettlement(GetSettlementRequest.newBuilder()
                .setRegion(region)
                .setProviderVisitNumber(visitNumber)
                .setBillNumber(bill.getBillNumber())
                .build())
            .getSettlement();
        boolean isIt = settlement.getSettlementId().equals(outcome.getSettlementId());
        System.out.println("found " + isIt + " " + settlement.getCashFen());
        return settlement;
    }

    private void giveBack(String region, Settlement settlement) {
        ReturnedAmounts returned = within(RefundServiceGrpc.newBlockingStub(channel))
            .refundSettlement(RefundSettlementRequest.newBuilder()
                .setRequestId(newId())
                .setRegion(region)
                .setSettlementId(settlement.getSettlementId())
                .setReason("退药")
                .addLines(LineReturn.newBuilder().setLineNumber(2).setQuantity("5"))
                .build())
            .getRefund().getAmounts();
        System.out.println("returned " + returned.getFundTotalFen() + " " + returned.getCashFen());
    }

    private long listed(String region, String visitId) {
        long count = 0;
        String pageToken = "";
        do {
            ListSettlementsResponse page = within(SettlementServiceGrpc.newBlockingStub(channel))
                .listSettlements(ListSettlementsRequest.newBuilder()
                    .setRegion(region)
                    .setSettleStartDate(today())
                    .setSettleEndDate(today())
                    .setPageSize(100)
                    .setPageToken(pageToken)
                    .build());
            count += page.getSettlementsList().stream()
                .filter(each -> each.getVisitId().equals(visitId)).count();
            pageToken = page.getNextPageToken();
        } while (!pageToken.isEmpty());
        return count;
    }

    private static Presentation shown(ResolveCredentialResponse person) {
        return Presentation.newBuilder()
            .setCredentialToken(person.getCredentialToken()).setTerminalId("T1").build();
    }

    private static BillLine line(
            int number, String itemCode, String unitPrice, String quantity, long amountFen) {
        return BillLine.newBuilder()
            .setLineNumber(number)
            .setLineId("L" + number)
            .setItemCode(itemCode)
            .setUnitPrice(unitPrice)
            .setQuantity(quantity)
            .setAmountFen(amountFen)
            .setChargeDate(today())
            .build();
    }

    /** Limits how long a call may take. */
    private static <S extends AbstractBlockingStub<S>> S within(S stub) {
        return stub.withDeadlineAfter(10, TimeUnit.SECONDS);
    }

    private static String newId() {
        return UUID.randomUUID().toString();
    }

    private static Date today() {
        LocalDate day = LocalDate.now(ZoneId.of("Asia/Shanghai"));
        return Date.newBuilder()
            .setYear(day.getYear()).setMonth(day.getMonthValue()).setDay(day.getDayOfMonth()).build();
    }
}
