# A base with triggers.
FROM cbase
ONBUILD ENV TRIGGERED=1
ONBUILD COPY trigger.txt /trigger/
ONBUILD RUN echo ran > /trigger/ran
