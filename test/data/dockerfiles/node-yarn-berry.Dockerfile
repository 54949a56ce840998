FROM node:22-alpine AS build
WORKDIR /app
RUN corepack enable
COPY .yarnrc.yml package.json yarn.lock ./
RUN yarn install --immutable
COPY . .
RUN yarn build && yarn workspaces focus --production

FROM node:22-alpine
WORKDIR /app
ENV NODE_ENV=production
COPY --from=build /app/dist ./dist
COPY package.json ./
USER 1000:1000
CMD ["node", "dist/index.js"]
