FROM debian:12-slim AS fetch
ADD --checksum=sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 https://example.com/tool.tar.gz /tmp/
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
RUN tar -xzf /tmp/tool.tar.gz -C /opt

FROM gcr.io/distroless/base-debian12:nonroot
COPY --from=fetch /opt/tool /usr/local/bin/tool
ENTRYPOINT ["tool"]
