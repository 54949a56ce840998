FROM alpine:3.22 AS build
RUN apk add zig
WORKDIR /src
COPY . .
RUN zig build -Doptimize=ReleaseSafe

FROM alpine:3.22
COPY --from=build /src/zig-out/bin/app /usr/local/bin/
USER 1000
CMD ["app"]
