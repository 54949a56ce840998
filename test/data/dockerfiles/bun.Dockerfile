FROM oven/bun:1.2 AS install
WORKDIR /app
COPY package.json bun.lock ./
RUN bun install --frozen-lockfile --production

FROM oven/bun:1.2-slim
WORKDIR /app
COPY --from=install /app/node_modules node_modules
COPY . .
USER bun
EXPOSE 3000/tcp
ENTRYPOINT ["bun", "run", "index.ts"]
