# Static binary, no shell, not root. Build: docker build -t hookrouter .
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o /hookrouter ./cmd/hookrouter && mkdir /data

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /hookrouter /hookrouter
COPY --from=build --chown=65532:65532 /data /data
USER 65532:65532
VOLUME /data
EXPOSE 8080
ENV HOOKROUTER_DATA=/data HOOKROUTER_CONFIG=/etc/hookrouter/rules.yaml
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s CMD ["/hookrouter", "healthcheck"]
ENTRYPOINT ["/hookrouter"]
CMD ["run"]
