FROM node:22 AS build
WORKDIR /src
COPY package.json package-lock.json ./
RUN npm ci --no-audit
COPY . ./
RUN npm run build

FROM nginxinc/nginx-unprivileged:1.28
COPY --from=build /src/build /usr/share/nginx/html
EXPOSE 80
