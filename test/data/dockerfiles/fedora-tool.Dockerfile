FROM fedora:42
RUN dnf install -y jq git-core && dnf clean all
USER 1000
ENTRYPOINT ["jq"]
