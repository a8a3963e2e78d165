// Reads an item of the catalogue: first_call ADDRESS CA CERTIFICATE KEY REGION ITEM.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log"
	"os"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	commonv1 "yibao/common/v1"
	settlementv1 "yibao/settlement/v1"
)

func main() {
	address, ca, certificate, key := os.Args[1], os.Args[2], os.Args[3], os.Args[4]
	region, item := os.Args[5], os.Args[6]
	pair, err := tls.LoadX509KeyPair(certificate, key)
	if err != nil {
		log.Fatal(err)
	}
	pem, err := os.ReadFile(ca)
	if err != nil {
		log.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	security := credentials.NewTLS(&tls.Config{Certificates: []tls.Certificate{pair}, RootCAs: roots})
	channel, err := grpc.Dial(address, grpc.WithTransportCredentials(security))
	if err != nil {
		log.Fatal(err)
	}
	defer channel.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	today := time.Now().In(time.FixedZone("Asia/Shanghai", 8*60*60))
	answer, err := settlementv1.NewCatalogueServiceClient(channel).GetCatalogueItem(ctx,
		&settlementv1.GetCatalogueItemRequest{
			Region:   region,
			ItemCode: item,
			Date: &commonv1.Date{
				Year: int32(today.Year()), Month: int32(today.Month()), Day: int32(today.Day()),
			},
		})
	if err == nil {
		fmt.Println(answer.Item.ItemName)
		return
	}
	failure := status.Convert(err)
	fmt.Println(failure.Code())
	for _, detail := range failure.Details() {
		switch each := detail.(type) {
		case *errdetails.ErrorInfo:
			fmt.Println(each.Reason)
		case *errdetails.LocalizedMessage:
			fmt.Println(each.Message)
		}
	}
}
