FROM node:22 AS build
WORKDIR /src
COPY package.json package-lock.json ./
RUN npm ci --no-audit
COPY . ./
RUN npm run build-storybook

FROM nginx:1.28-alpine
COPY --from=build /src/storybook-static /usr/share/nginx/html
EXPOSE 80
