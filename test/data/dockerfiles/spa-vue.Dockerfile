FROM node:22 AS build
WORKDIR /src
COPY package.json package-lock.json ./
RUN npm ci --no-audit
COPY . ./
RUN npm run build

FROM caddy:2.10-alpine
COPY --from=build /src/dist /usr/share/caddy
EXPOSE 80
