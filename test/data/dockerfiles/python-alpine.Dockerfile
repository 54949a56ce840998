FROM python:3.13-alpine
RUN apk add --no-cache --virtual .build-deps gcc musl-dev \
    && pip install --no-cache-dir uwsgi==2.0.29 \
    && apk del .build-deps
WORKDIR /srv
COPY app.py .
USER 1000
CMD ["uwsgi", "--http", ":8000", "--wsgi-file", "app.py"]
