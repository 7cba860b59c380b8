# One image for every process of the service mode: web, workers and one-off commands.
# torch comes with its CUDA libraries, so the same image serves machines with and without a GPU. With
# TORCH_INDEX, a package index of torch for CPUs, it is some 4 GB smaller and runs on CPUs alone.

FROM python:3.11.16-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/venv
COPY requirements.lock ./
COPY docker/install-libraries docker/
ARG TORCH_INDEX=
RUN PATH=/opt/venv/bin:$PATH docker/install-libraries

WORKDIR /app
COPY manage.py LICENSE ./
COPY templates templates
COPY static static
COPY gallery gallery
COPY search search
COPY workers workers
COPY docker/worker_health.py docker/
RUN COLLECT_STATIC=yes DATA_DIR=/tmp/build /opt/venv/bin/python manage.py collectstatic --no-input --verbosity 0 \
    && /opt/venv/bin/python -m compileall -q gallery search workers


FROM python:3.11.16-slim-bookworm
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    DATA_DIR=/data \
    HOME=/tmp \
    HF_HOME=/data/models
# The folder's owner is inherited by a named volume that is first mounted over it.
RUN groupadd --gid 10001 scry \
    && useradd --uid 10001 --gid scry --no-create-home --shell /usr/sbin/nologin scry \
    && install --directory --owner=scry --group=scry --mode=0700 /data
COPY --from=build /opt/venv /opt/venv
COPY --from=build /app /app
WORKDIR /app
USER 10001:10001
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM

# WEB_CONCURRENCY sets the number of web processes. Each holds the text tower of the model.
ENV WEB_CONCURRENCY=2
CMD ["python", "-m", "gallery.web_server", "--host", "0.0.0.0", "--port", "8000"]
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
