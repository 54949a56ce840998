FROM node:22-alpine AS prune
WORKDIR /repo
COPY . .
RUN npx turbo@2.5.3 prune web --docker

FROM node:22-alpine AS build
WORKDIR /repo
COPY --from=prune /repo/out/json/ .
RUN npm ci
COPY --from=prune /repo/out/full/ .
RUN npx turbo run build --filter=web

FROM node:22-alpine
WORKDIR /app
COPY --from=build /repo/apps/web/.next/standalone ./
COPY --from=build /repo/apps/web/.next/static ./apps/web/.next/static
COPY --from=build /repo/apps/web/public ./apps/web/public
USER 1000
CMD ["node", "apps/web/server.js"]
