FROM hexpm/elixir:1.18.3-erlang-27.3-debian-bookworm-20250407-slim AS build
RUN apt-get update -y && apt-get install -y build-essential git && apt-get clean && rm -f /var/lib/apt/lists/*_*
WORKDIR /app
ENV MIX_ENV="prod"
COPY mix.exs mix.lock ./
RUN mix local.hex --force && mix deps.get --only $MIX_ENV
COPY lib lib
RUN mix release

FROM debian:bookworm-20250428-slim
RUN apt-get update -y && apt-get install -y --no-install-recommends libstdc++6 openssl locales && apt-get clean && rm -rf /var/lib/apt/lists/*
WORKDIR "/app"
RUN chown nobody /app
COPY --from=build --chown=nobody:root /app/_build/prod/rel/app ./
USER nobody
CMD ["/app/bin/server"]
