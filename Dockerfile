FROM rust:1.95-bookworm AS build
WORKDIR /build
COPY . .
# The caches are no part of the image, so what is kept is copied out.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/build/target \
    cargo build --locked --release && cp target/release/dwell /usr/local/bin/dwell

# Asks the standard health service, for HEALTHCHECK below.
FROM golang:1.26-bookworm AS probe
WORKDIR /build
RUN go mod init probe && \
    go mod edit -require=github.com/grpc-ecosystem/grpc-health-probe@v0.4.40 && \
    CGO_ENABLED=0 go build -mod=mod -ldflags="-s -w" \
        -o /usr/local/bin/grpc_health_probe github.com/grpc-ecosystem/grpc-health-probe

FROM debian:bookworm-slim
# Whom dwell itself calls is verified by these.
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && \
    rm -rf /var/lib/apt/lists/*
COPY --from=build /usr/local/bin/dwell /usr/local/bin/
COPY --from=probe /usr/local/bin/grpc_health_probe /usr/local/bin/
# A number, so that Kubernetes can see that it is not root.
# The roots of what is fetched over TLS: the keys of tokens.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
RUN install -d -o 10001 -g 10001 /data
USER 10001:10001
WORKDIR /data
VOLUME /data
ENV DWELL_LISTEN=127.0.0.1:50051 \
    DWELL_DATABASE_URL=sqlite:///data/dwell.db
EXPOSE 50051
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
    CMD ["sh", "-c", "exec grpc_health_probe -addr=$DWELL_LISTEN -connect-timeout=1s -rpc-timeout=1s"]
ENTRYPOINT ["dwell"]
