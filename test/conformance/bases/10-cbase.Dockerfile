# What most cases stand on: a shell and core tools, some accounts, some odd paths.
FROM scratch
COPY busybox /bin/busybox
RUN ["/bin/busybox", "--install", "-s", "/bin"]
RUN mkdir -p /etc /tmp /root /home/app /data/sub /opt/real /usr/lib/deep /var && chmod 1777 /tmp && \
    printf '%s\n' 'root:x:0:0:root:/root:/bin/sh' 'app:x:1000:1001:app:/home/app:/bin/sh' \
      'daemon:x:1:1::/:/bin/false' 'nogroup:x:77:88::/:/bin/false' > /etc/passwd && \
    printf '%s\n' 'root:x:0:' 'daemon:x:1:' 'app:x:1001:' 'staff:x:50:app' > /etc/group && \
    echo old > /data/file && echo sub > /data/sub/inner && \
    ln -s /opt/real /abs && ln -s opt/real /rel && ln -s /nowhere/at/all /dangling && \
    ln -s /data/file /filelink && ln -s ../../../../opt /opt/escape && ln -s loop /loop && \
    ln -s ../usr/lib /var/lib && chown -R app:app /home/app && chmod 0700 /home/app && \
    echo set > /opt/real/setuid && chmod 4755 /opt/real/setuid && \
    echo hard > /opt/real/one && ln /opt/real/one /opt/real/two
