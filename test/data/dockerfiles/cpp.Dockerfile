FROM gcc:14 AS build
WORKDIR /src
COPY . .
RUN make static

FROM scratch
COPY --from=build /src/app /app
ENTRYPOINT ["/app"]
