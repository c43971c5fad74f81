# syntax=docker/dockerfile:1
# Both stages share one Python image: the environment points at its interpreter.
FROM ghcr.io/astral-sh/uv:0.13.9 AS uv

FROM python:3.13-slim AS build
COPY --from=uv /uv /usr/local/bin/uv
ENV UV_COMPILE_BYTECODE=1 \
    UV_LINK_MODE=copy \
    UV_PYTHON_DOWNLOADS=never \
    UV_SYSTEM_CERTS=1
WORKDIR /app
# Before the sources, so that changing them does not install the dependencies again.
RUN --mount=type=cache,target=/root/.cache/uv \
    --mount=type=bind,source=uv.lock,target=uv.lock \
    --mount=type=bind,source=pyproject.toml,target=pyproject.toml \
    uv sync --locked --no-default-groups --extra distributed
COPY service/ service/
# Its user may write no bytecode, so that every start would compile it.
RUN .venv/bin/python -m compileall -q service

FROM python:3.13-slim
WORKDIR /app
COPY --from=build /app /app
ENV PATH="/app/.venv/bin:$PATH" \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    FLUXION_HOST=0.0.0.0 \
    FLUXION_PORT=8000
USER 10001:10001
EXPOSE 8000
# The slim image has no curl.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen('http://127.0.0.1:' + os.environ['FLUXION_PORT'] + '/healthz', timeout=2)"]
CMD ["python", "-m", "service"]
