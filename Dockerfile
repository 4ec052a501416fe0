# The operator's image: one static binary, nobody's user, nothing else.
FROM --platform=$BUILDPLATFORM golang:1.26.11 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY api api
COPY cmd cmd
COPY internal internal
ARG TARGETOS TARGETARCH VERSION=dev REVISION=unknown
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath \
    -ldflags "-w -X main.buildVersion=$VERSION -X main.buildRevision=$REVISION" -o /flagger ./cmd/manager

FROM gcr.io/distroless/static:nonroot
COPY --from=build /flagger /usr/local/bin/flagger
COPY LICENSE /licenses/LICENSE
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/usr/local/bin/flagger"]
