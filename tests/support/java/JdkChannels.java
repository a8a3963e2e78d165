package support;

import io.grpc.CallOptions;
import io.grpc.ChannelCredentials;
import io.grpc.ClientCall;
import io.grpc.ForwardingChannelBuilder;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import io.grpc.ManagedChannelProvider;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.TlsChannelCredentials;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpHeaders;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.spec.PKCS8EncodedKeySpec;
import java.time.Duration;
import java.util.Base64;
import java.util.Collection;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/**
 * Channels over the JDK's own HTTP/2, for a system whose netty has no ALPN, as Debian's.
 *
 * <p>One message each way. The JDK tells no trailers: a refusal, which has nothing else, comes in
 * the headers, and an answer that is whole counts as well.
 */
public final class JdkChannels extends ManagedChannelProvider {
    @Override
    protected boolean isAvailable() {
        return true;
    }

    @Override
    protected int priority() {
        return 10;
    }

    @Override
    protected ManagedChannelBuilder<?> builderForAddress(String name, int port) {
        return new Builder(name + ":" + port, null);
    }

    @Override
    protected ManagedChannelBuilder<?> builderForTarget(String target) {
        return new Builder(target, null);
    }

    @Override
    protected NewChannelBuilderResult newChannelBuilder(String target, ChannelCredentials given) {
        return NewChannelBuilderResult.channelBuilder(
            new Builder(target, (TlsChannelCredentials) given));
    }

    private static final class Builder extends ForwardingChannelBuilder<Builder> {
        private final String target;
        private final TlsChannelCredentials credentials;

        Builder(String target, TlsChannelCredentials credentials) {
            this.target = target;
            this.credentials = credentials;
        }

        @Override
        protected ManagedChannelBuilder<?> delegate() {
            throw new UnsupportedOperationException("only build() is known here");
        }

        @Override
        public ManagedChannel build() {
            try {
                HttpClient client = HttpClient.newBuilder()
                    .version(HttpClient.Version.HTTP_2)
                    .sslContext(contextOf(credentials))
                    .build();
                return new Channel(target, client);
            } catch (Exception error) {
                throw new IllegalArgumentException(error);
            }
        }
    }

    private static SSLContext contextOf(TlsChannelCredentials credentials) throws Exception {
        CertificateFactory certificates = CertificateFactory.getInstance("X.509");
        KeyStore roots = emptyStore();
        int count = 0;
        for (Certificate root : read(certificates, credentials.getRootCertificates())) {
            roots.setCertificateEntry("root" + count++, root);
        }
        TrustManagerFactory trusted =
            TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trusted.init(roots);

        String pem = new String(credentials.getPrivateKey(), StandardCharsets.US_ASCII);
        byte[] key = Base64.getMimeDecoder().decode(pem.replaceAll("-----[A-Z ]+-----", ""));
        Collection<? extends Certificate> chain =
            read(certificates, credentials.getCertificateChain());
        KeyStore own = emptyStore();
        String algorithm = chain.iterator().next().getPublicKey().getAlgorithm();
        own.setKeyEntry(
            "own",
            KeyFactory.getInstance(algorithm).generatePrivate(new PKCS8EncodedKeySpec(key)),
            new char[0],
            chain.toArray(new Certificate[0]));
        KeyManagerFactory keys =
            KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        keys.init(own, new char[0]);

        SSLContext context = SSLContext.getInstance("TLS");
        context.init(keys.getKeyManagers(), trusted.getTrustManagers(), null);
        return context;
    }

    private static KeyStore emptyStore() throws Exception {
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null, null);
        return store;
    }

    private static Collection<? extends Certificate> read(CertificateFactory factory, byte[] pem)
            throws Exception {
        return factory.generateCertificates(new ByteArrayInputStream(pem));
    }

    private static final class Channel extends ManagedChannel {
        private final String target;
        private final HttpClient client;

        Channel(String target, HttpClient client) {
            this.target = target;
            this.client = client;
        }

        @Override
        public <Q, A> ClientCall<Q, A> newCall(MethodDescriptor<Q, A> method, CallOptions options) {
            return new Call<>(target, client, method, options);
        }

        @Override
        public String authority() {
            return target;
        }

        @Override
        public ManagedChannel shutdown() {
            return this;
        }

        @Override
        public ManagedChannel shutdownNow() {
            return this;
        }

        @Override
        public boolean isShutdown() {
            return false;
        }

        @Override
        public boolean isTerminated() {
            return false;
        }

        @Override
        public boolean awaitTermination(long timeout, TimeUnit unit) {
            return false;
        }
    }

    private static final class Call<Q, A> extends ClientCall<Q, A> {
        private static final int PREFIX_BYTES = 5;
        private final String target;
        private final HttpClient client;
        private final MethodDescriptor<Q, A> method;
        private final CallOptions options;
        private Listener<A> listener;
        private byte[] framed;

        Call(String target, HttpClient client, MethodDescriptor<Q, A> method, CallOptions options) {
            this.target = target;
            this.client = client;
            this.method = method;
            this.options = options;
        }

        @Override
        public void start(Listener<A> listener, Metadata headers) {
            this.listener = listener;
        }

        @Override
        public void request(int count) {}

        @Override
        public void cancel(String message, Throwable cause) {}

        @Override
        public void sendMessage(Q message) {
            try (InputStream written = method.streamRequest(message)) {
                byte[] bytes = written.readAllBytes();
                ByteArrayOutputStream frame = new ByteArrayOutputStream();
                frame.write(0);
                frame.write(ByteBuffer.allocate(4).putInt(bytes.length).array());
                frame.write(bytes);
                framed = frame.toByteArray();
            } catch (IOException error) {
                throw new IllegalStateException(error);
            }
        }

        @Override
        public void halfClose() {
            HttpRequest.Builder request = HttpRequest.newBuilder()
                .uri(URI.create("https://" + target + "/" + method.getFullMethodName()))
                .header("content-type", "application/grpc")
                .header("te", "trailers")
                .POST(HttpRequest.BodyPublishers.ofByteArray(framed));
            if (options.getDeadline() != null) {
                long left = options.getDeadline().timeRemaining(TimeUnit.MILLISECONDS);
                request.header("grpc-timeout", Math.max(left, 1) + "m");
                request.timeout(Duration.ofMillis(Math.max(left, 1)));
            }
            client.sendAsync(request.build(), HttpResponse.BodyHandlers.ofByteArray())
                .whenComplete((response, error) -> options.getExecutor().execute(() -> {
                    if (error != null) {
                        listener.onClose(Status.UNAVAILABLE.withDescription(error.toString()).withCause(error), new Metadata());
                    } else {
                        told(response);
                    }
                }));
        }

        private void told(HttpResponse<byte[]> response) {
            Metadata headers = metadataOf(response.headers());
            String status = response.headers().firstValue("grpc-status").orElse("0");
            byte[] body = response.body();
            if (!status.equals("0") || body.length < PREFIX_BYTES) {
                listener.onClose(Status.fromCodeValue(Integer.parseInt(status)), headers);
                return;
            }
            int size = body.length - PREFIX_BYTES;
            listener.onHeaders(headers);
            listener.onMessage(
                method.parseResponse(new ByteArrayInputStream(body, PREFIX_BYTES, size)));
            listener.onClose(Status.OK, new Metadata());
        }

        private static Metadata metadataOf(HttpHeaders headers) {
            Metadata metadata = new Metadata();
            for (Map.Entry<String, java.util.List<String>> each : headers.map().entrySet()) {
                String name = each.getKey();
                if (name.endsWith(Metadata.BINARY_HEADER_SUFFIX)) {
                    Metadata.Key<byte[]> key =
                        Metadata.Key.of(name, Metadata.BINARY_BYTE_MARSHALLER);
                    for (String value : each.getValue()) {
                        metadata.put(key, Base64.getDecoder().decode(padded(value)));
                    }
                }
            }
            return metadata;
        }

        /** Base64 of gRPC may lack its padding. */
        private static String padded(String value) {
            return value + "=".repeat((4 - value.length() % 4) % 4);
        }
    }
}
