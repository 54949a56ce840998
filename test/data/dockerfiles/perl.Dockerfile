FROM perl:5.40-slim
WORKDIR /app
COPY cpanfile ./
RUN cpanm --notest --installdeps .
COPY app.pl ./
USER 1000
CMD ["perl", "app.pl"]
