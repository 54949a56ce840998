FROM node:22 AS build
WORKDIR /src
COPY package.json package-lock.json ./
RUN npm ci --no-audit
COPY . ./
RUN npx ng build

FROM nginx:1.28
COPY --from=build /src/dist/app/browser /usr/share/nginx/html
EXPOSE 80
