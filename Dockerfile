# The image of flyte-slack. `make image` builds it and fills VERSION and REVISION.

FROM docker.io/library/python:3.12-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build

# binutils: half the size of the wheels is debug information
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends binutils \
 && rm -rf /var/lib/apt/lists/*

# The dependencies have a layer of their own, which a change to the code leaves alone. Bytecode does not look at its
# source, as times of files may change on the way into an image.
COPY requirements.lock ./
RUN python -m venv --without-pip /opt/venv \
 && pip --python /opt/venv/bin/python install --no-compile --require-hashes --requirement requirements.lock \
 && find /opt/venv/lib -type d -name tests -prune -exec rm -rf {} + \
 && find /opt/venv/lib -type f -name '*.so*' -exec strip --strip-unneeded {} + \
 && python -m compileall -q --invalidation-mode unchecked-hash /opt/venv/lib

COPY requirements-build.lock ./
RUN pip install --require-hashes --requirement requirements-build.lock
COPY pyproject.toml README.md LICENSE ./
COPY flyte_slack ./flyte_slack
RUN pip wheel --no-deps --no-build-isolation --wheel-dir dist . \
 && pip --python /opt/venv/bin/python install --no-compile --no-deps --no-index dist/*.whl \
 && python -m compileall -q --invalidation-mode unchecked-hash /opt/venv/lib/python3.*/site-packages/flyte_slack


FROM docker.io/library/python:3.12-slim

# The user's number is fixed, so that the owner of a volume can be named; asyncpg wants a home.
RUN groupadd --gid 10001 flyte \
 && useradd --uid 10001 --gid 10001 --home-dir /data --no-create-home --shell /usr/sbin/nologin flyte \
 && install --directory --owner=10001 --group=10001 --mode=0750 /data

COPY --from=build /opt/venv /opt/venv
# The base image has no bytecode of the standard library. What the pack uses of it gets some: it starts sooner.
RUN /opt/venv/bin/python -c "import flyte_slack.cli.main, flyte_slack.cli.healthcheck, flyte_slack.service"

# PYTHONSAFEPATH: nothing is imported from /data, which can be written to
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONSAFEPATH=1 \
    PYTHONUNBUFFERED=1 \
    FLYTE_SLACK_STORE=sqlite:////data/flyte-slack.db

USER 10001:10001
WORKDIR /data
VOLUME ["/data"]
EXPOSE 8090
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-m", "flyte_slack.cli.healthcheck"]
ENTRYPOINT ["flyte-slack"]
CMD ["run"]

ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="flyte-slack" \
      org.opencontainers.image.description="Slack pack for Flyte: Slack messages become events, flows answer in Slack" \
      org.opencontainers.image.source="https://github.com/ExpediaGroup/flyte-slack" \
      org.opencontainers.image.documentation="https://github.com/ExpediaGroup/flyte-slack#readme" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.base.name="docker.io/library/python:3.12-slim" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
