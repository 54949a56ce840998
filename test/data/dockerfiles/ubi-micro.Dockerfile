FROM registry.access.redhat.com/ubi9/ubi:9.6 AS build
RUN mkdir -p /mnt/rootfs && dnf install -y --installroot /mnt/rootfs --releasever 9 coreutils-single

FROM registry.access.redhat.com/ubi9/ubi-micro:9.6
COPY --from=build /mnt/rootfs/ /
USER 1001
CMD ["/bin/sh"]
