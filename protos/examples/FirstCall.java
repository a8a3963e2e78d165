import com.google.protobuf.Any;
import com.google.rpc.ErrorInfo;
import com.google.rpc.LocalizedMessage;
import io.grpc.Grpc;
import io.grpc.ManagedChannel;
import io.grpc.StatusRuntimeException;
import io.grpc.TlsChannelCredentials;
import io.grpc.protobuf.StatusProto;
import java.io.File;
import java.time.LocalDate;
import java.time.ZoneId;
import java.util.concurrent.TimeUnit;
import yibao.common.v1.Date;
import yibao.settlement.v1.CatalogueServiceGrpc;
import yibao.settlement.v1.GetCatalogueItemRequest;
import yibao.settlement.v1.GetCatalogueItemResponse;

/** Reads an item of the catalogue: FirstCall ADDRESS CA CERTIFICATE KEY REGION ITEM. */
public final class FirstCall {
    public static void main(String[] arguments) throws Exception {
        TlsChannelCredentials.Builder tls = TlsChannelCredentials.newBuilder();
        tls.trustManager(new File(arguments[1]));
        tls.keyManager(new File(arguments[2]), new File(arguments[3]));
        ManagedChannel channel = Grpc.newChannelBuilder(arguments[0], tls.build()).build();
        LocalDate today = LocalDate.now(ZoneId.of("Asia/Shanghai"));
        GetCatalogueItemRequest request = GetCatalogueItemRequest.newBuilder()
            .setRegion(arguments[4])
            .setItemCode(arguments[5])
            .setDate(Date.newBuilder()
                .setYear(today.getYear())
                .setMonth(today.getMonthValue())
                .setDay(today.getDayOfMonth()))
            .build();
        try {
            GetCatalogueItemResponse answer = CatalogueServiceGrpc.newBlockingStub(channel)
                .withDeadlineAfter(10, TimeUnit.SECONDS)
                .getCatalogueItem(request);
            System.out.println(answer.getItem().getItemName());
        } catch (StatusRuntimeException failure) {
            System.out.println(failure.getStatus().getCode());
            com.google.rpc.Status status = StatusProto.fromThrowable(failure);
            for (Any detail : status.getDetailsList()) {
                if (detail.is(ErrorInfo.class)) {
                    System.out.println(detail.unpack(ErrorInfo.class).getReason());
                } else if (detail.is(LocalizedMessage.class)) {
                    System.out.println(detail.unpack(LocalizedMessage.class).getMessage());
                }
            }
        } finally {
            channel.shutdownNow();
        }
    }
}
