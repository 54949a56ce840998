FROM alpine:3.22 AS build
RUN apk add --no-cache hugo
WORKDIR /site
COPY . .
RUN hugo --minify

FROM nginx:1.28-alpine
COPY --from=build /site/public /usr/share/nginx/html
