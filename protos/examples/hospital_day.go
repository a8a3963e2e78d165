// A hospital's day, from the scan to the close:
// hospital_day ADDRESS CA CERTIFICATE KEY ADMISSION_CODE PAYMENT_CODE.
//
// Each request id is made before the first attempt; a real system stores it then, with what it asks.
package main

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	commonv1 "yibao/common/v1"
	pb "yibao/settlement/v1"
)

var (
	channel *grpc.ClientConn
	ctx     = context.Background()
)

func connect(address, ca, certificate, key string) *grpc.ClientConn {
	pair, err := tls.LoadX509KeyPair(certificate, key)
	check(err)
	pem, err := os.ReadFile(ca)
	check(err)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	security := credentials.NewTLS(&tls.Config{Certificates: []tls.Certificate{pair}, RootCAs: roots})
	connection, err := grpc.Dial(address, grpc.WithTransportCredentials(security),
		grpc.WithUnaryInterceptor(within))
	check(err)
	return connection
}

func check(err error) {
	if err != nil {
		log.Fatal(err) // gRPC's code and message; first_call.go reads the details
	}
}

// within limits how long a call may take.
func within(ctx context.Context, method string, request, answer interface{}, to *grpc.ClientConn,
	invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return invoke(ctx, method, request, answer, to, options...)
}

func newID() string {
	id := make([]byte, 16)
	_, err := rand.Read(id)
	check(err)
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
}

func today() *commonv1.Date {
	day := time.Now().In(time.FixedZone("Asia/Shanghai", 8*60*60))
	return &commonv1.Date{Year: int32(day.Year()), Month: int32(day.Month()), Day: int32(day.Day())}
}

func line(number int32, itemCode, unitPrice, quantity string, amountFen int64) *pb.BillLine {
	return &pb.BillLine{
		LineNumber: number, LineId: fmt.Sprintf("L%d", number), ItemCode: itemCode,
		UnitPrice: unitPrice, Quantity: quantity, AmountFen: proto.Int64(amountFen), ChargeDate: today(),
	}
}

// scan tells who showed a code for a purpose, with a token that stands for the code.
func scan(qrText, audience string) *pb.ResolveCredentialResponse {
	person, err := pb.NewCredentialServiceClient(channel).ResolveCredential(ctx,
		&pb.ResolveCredentialRequest{
			RequestId: newID(),
			Audience:  audience,
			Presentation: &pb.Presentation{
				QrText: qrText, ScanTime: timestamppb.Now(), TerminalId: "T1",
			},
		})
	check(err)
	return person
}

func shown(person *pb.ResolveCredentialResponse) *pb.Presentation {
	return &pb.Presentation{CredentialToken: person.CredentialToken, TerminalId: "T1"}
}

func admit(person *pb.ResolveCredentialResponse, visitNumber string) *pb.Visit {
	answer, err := pb.NewVisitServiceClient(channel).RegisterVisit(ctx, &pb.RegisterVisitRequest{
		RequestId: newID(), Region: person.Region, Presentation: shown(person),
		ProviderVisitNumber: visitNumber, CareType: "2101", StartDate: today(),
		Diagnoses: []*pb.Diagnosis{{DiagnosisCode: "I10.x00", DiagnosisName: "高血压", IsMain: true}},
	})
	check(err)
	return answer.Visit
}

func settle(region, visitNumber, paymentCode string, bill *pb.Bill) *pb.Settlement {
	client := pb.NewSettlementServiceClient(channel)
	trial, err := client.TrialBill(ctx, &pb.TrialBillRequest{Region: region, Bill: bill})
	check(err)
	tried := trial.Settlement
	fmt.Println("trial", tried.FundTotalFen, tried.AccountFen, tried.CashFen)

	requestID := newID()
	_, err = client.SettleBill(ctx, &pb.SettleBillRequest{
		RequestId: requestID, Region: region, Bill: bill,
		Presentation: shown(scan(paymentCode, "01301")),
		// What the patient was shown: any other sum is refused.
		Expected: &pb.ExpectedAmounts{
			FundTotalFen: tried.FundTotalFen, AccountFen: tried.AccountFen, CashFen: tried.CashFen,
		},
	})
	check(err)
	// Where that answer does not come, the request id tells what became of it.
	asked, err := client.ResolveRequest(ctx, &pb.ResolveRequestRequest{
		RequestId: newID(), Region: region, AskedRequestId: requestID,
	})
	check(err)
	fmt.Println("outcome", asked.Outcome.State)
	found, err := client.GetSettlement(ctx, &pb.GetSettlementRequest{
		Region: region, ProviderVisitNumber: visitNumber, BillNumber: bill.BillNumber,
	})
	check(err)
	settlement := found.Settlement
	fmt.Println("found", settlement.SettlementId == asked.Outcome.SettlementId, settlement.CashFen)
	return settlement
}

func giveBack(region string, settlement *pb.Settlement) {
	answer, err := pb.NewRefundServiceClient(channel).RefundSettlement(ctx,
		&pb.RefundSettlementRequest{
			RequestId: newID(), Region: region, SettlementId: settlement.SettlementId, Reason: "退药",
			Lines: []*pb.LineReturn{{LineNumber: 2, Quantity: "5"}},
		})
	check(err)
	fmt.Println("returned", answer.Refund.Amounts.FundTotalFen, answer.Refund.Amounts.CashFen)
}

func listed(region, visitID string) int {
	count, token := 0, ""
	for {
		page, err := pb.NewSettlementServiceClient(channel).ListSettlements(ctx,
			&pb.ListSettlementsRequest{
				Region: region, SettleStartDate: today(), SettleEndDate: today(),
				PageSize: 100, PageToken: token,
			})
		check(err)
		for _, each := range page.Settlements {
			if each.VisitId == visitID {
				count++
			}
		}
		if token = page.NextPageToken; token == "" {
			return count
		}
	}
}

func main() {
	channel = connect(os.Args[1], os.Args[2], os.Args[3], os.Args[4])
	defer channel.Close()
	person := scan(os.Args[5], "01103")
	region := person.Region // the code tells it, nobody else
	fmt.Println("patient", person.PersonNameMasked)

	visitNumber := fmt.Sprintf("ZY-%d", time.Now().UnixMilli()) // your own number of the visit
	visit := admit(person, visitNumber)
	fmt.Println("registered", visit.State)

	uploaded, err := pb.NewChargeServiceClient(channel).UploadLines(ctx, &pb.UploadLinesRequest{
		RequestId: newID(), Region: region, VisitId: visit.VisitId, ChargeBatchId: "D1",
		Lines: []*pb.BillLine{
			line(1, "A1", "100.00", "90", 900000),
			line(2, "B1", "100.00", "10", 100000),
			line(3, "C1", "50.00", "10", 50000),
		},
	})
	check(err)
	fmt.Println("uploaded", len(uploaded.Results))

	settlement := settle(region, visitNumber, os.Args[6], &pb.Bill{
		VisitId: visit.VisitId, BillNumber: "1", ServiceDate: today(), TotalFen: proto.Int64(1050000),
		Uploaded:   &pb.UploadedLines{ChargeBatchId: "D1"},
		AccountUse: pb.AccountUse_ACCOUNT_USE_NONE,
	})
	giveBack(region, settlement)
	fmt.Println("listed", listed(region, visit.VisitId))

	day, err := pb.NewClearingServiceClient(channel).GetDayTotals(ctx,
		&pb.GetDayTotalsRequest{Region: region, ActDate: today()})
	check(err)
	fmt.Println("day", day.Total.SettledCount, day.Total.RefundedCount, day.Total.TotalFen)
}
