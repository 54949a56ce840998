# A base that sets everything a config can hold.
FROM cbase
ENV BASE=yes SHARED=base
LABEL from=base org.example.kind="conformance base"
ENTRYPOINT ["/bin/sh", "-c"]
CMD ["echo base"]
EXPOSE 80 443/udp
VOLUME /vol
WORKDIR /work
USER app
STOPSIGNAL SIGINT
HEALTHCHECK --interval=10s CMD true
