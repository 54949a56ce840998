FROM rust:1.87 AS build
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY src ./src
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    cargo build --release && cp target/release/app /app

FROM debian:12-slim
COPY --from=build /app /usr/local/bin/app
USER 65532
ENTRYPOINT ["/usr/local/bin/app"]
