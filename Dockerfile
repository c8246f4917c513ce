# One image for every part. The command of the container selects the part.
FROM python:3.13-slim

ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    HSI_DATA_DIR=/data

# A fixed id, so that you can give it a camera share: chown -R 10001:10001.
RUN groupadd --gid 10001 hsi \
    && useradd --uid 10001 --gid hsi --no-create-home --home-dir /data --shell /usr/sbin/nologin hsi \
    && mkdir -p /data /cameras \
    && chown hsi:hsi /data /cameras

WORKDIR /app
COPY requirements.txt LICENSE ./
RUN pip install -r requirements.txt
COPY manage.py ./
COPY hsi hsi
COPY cameras cameras
COPY detection detection
COPY events events
COPY monitoring monitoring
# Compile here once, because the running user may not write to /app.
RUN python -m compileall -q hsi cameras detection events monitoring

USER hsi
VOLUME ["/data"]
EXPOSE 8000
STOPSIGNAL SIGTERM

# For containers that serve pages. compose.yaml disables it for the others.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ.get('API_PORT', '8000') + '/health/live', timeout=4)"]

CMD ["python", "manage.py", "up"]
