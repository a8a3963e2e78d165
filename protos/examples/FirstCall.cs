// Reads an item of the catalogue: FirstCall ADDRESS CA CERTIFICATE KEY REGION ITEM.
using System.Security.Cryptography.X509Certificates;
using Google.Rpc;
using Grpc.Core;
using Grpc.Net.Client;
using Yibao.Settlement.V1;
using Date = Yibao.Common.V1.Date;

var (address, ca, certificate, key) = (args[0], args[1], args[2], args[3]);
using var own = X509Certificate2.CreateFromPemFile(certificate, key);
using var root = new X509Certificate2(ca);
var handler = new SocketsHttpHandler();
// Windows takes no key of a PEM file as it is.
var shown = new X509Certificate2(own.Export(X509ContentType.Pkcs12));
handler.SslOptions.ClientCertificates = new X509CertificateCollection { shown };
handler.SslOptions.CertificateChainPolicy = new X509ChainPolicy
{
    TrustMode = X509ChainTrustMode.CustomRootTrust,
    RevocationMode = X509RevocationMode.NoCheck,
    CustomTrustStore = { root },
};
using var channel =
    GrpcChannel.ForAddress($"https://{address}", new GrpcChannelOptions { HttpHandler = handler });
var today = DateTimeOffset.UtcNow.ToOffset(TimeSpan.FromHours(8)); // Asia/Shanghai
var request = new GetCatalogueItemRequest
{
    Region = args[4],
    ItemCode = args[5],
    Date = new Date { Year = today.Year, Month = today.Month, Day = today.Day },
};
try
{
    var client = new CatalogueService.CatalogueServiceClient(channel);
    var answer = client.GetCatalogueItem(request, deadline: DateTime.UtcNow.AddSeconds(10));
    Console.WriteLine(answer.Item.ItemName);
}
catch (RpcException failure)
{
    Console.WriteLine(failure.StatusCode);
    var status = failure.GetRpcStatus();
    Console.WriteLine(status?.GetDetail<ErrorInfo>()?.Reason);
    Console.WriteLine(status?.GetDetail<LocalizedMessage>()?.Message);
}
