FROM node:22 AS build
WORKDIR /src
COPY package.json package-lock.json ./
RUN npm ci --no-audit
COPY . ./
RUN npm run build

FROM httpd:2.4
COPY --from=build /src/build /usr/local/apache2/htdocs
EXPOSE 80
