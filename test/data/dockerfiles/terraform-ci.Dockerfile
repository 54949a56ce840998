FROM hashicorp/terraform:1.12 AS terraform
FROM alpine:3.22
RUN apk add --no-cache bash git openssh-client
COPY --from=terraform /bin/terraform /usr/local/bin/
USER 1000
ENTRYPOINT ["terraform"]
