FROM ruby:3.4-alpine
WORKDIR /app
COPY Gemfile Gemfile.lock ./
RUN apk add --no-cache --virtual .deps build-base && bundle install && apk del .deps
COPY . .
USER 1000
CMD ["bundle", "exec", "rackup", "--host", "0.0.0.0"]
