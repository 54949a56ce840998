FROM python:3.12-slim AS build
ENV PIP_NO_CACHE_DIR=1
RUN pip install poetry==2.1.3
WORKDIR /app
COPY pyproject.toml poetry.lock ./
RUN poetry config virtualenvs.in-project true && poetry install --only main --no-root

FROM python:3.12-slim
WORKDIR /app
COPY --from=build /app/.venv ./.venv
COPY src ./src
USER nobody
CMD ["/app/.venv/bin/python", "-m", "src"]
