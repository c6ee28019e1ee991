# A static binary alone: no shell, not root, writing to /data and nowhere else.
#   docker build -t hookrouter:0.1.0 .
# Version and commit come from .git, which is in the build's context for that; without it the binary says "devel".
# The same commit gives the same binary with the same Go release: --build-arg GO=1.26.8.
ARG GO=1.26
FROM --platform=$BUILDPLATFORM golang:$GO AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG TARGETOS TARGETARCH
RUN mkdir -p /out/data && CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH \
    go build -trimpath -ldflags='-s -w' -o /out/hookrouter ./cmd/hookrouter

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/hookrouter /
COPY --from=build --chown=65532:65532 /out/data /data
USER 65532:65532
VOLUME /data
EXPOSE 8080
ENV HOOKROUTER_DATA=/data HOOKROUTER_CONFIG=/etc/hookrouter/rules.yaml
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s CMD ["/hookrouter", "healthcheck"]
ENTRYPOINT ["/hookrouter"]
CMD ["run"]
