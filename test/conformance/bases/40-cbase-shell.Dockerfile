# A base with another shell.
FROM cbase
SHELL ["/bin/busybox", "ash", "-e", "-c"]
