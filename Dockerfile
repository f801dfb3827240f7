# The scoring service. Two stages on one base, so that its interpreter is where the packages look for it:
#   docker build -t verifier-service .
# Any base with Python 3.11 or newer and pip will do; name it by digest to build the same image again.
ARG BASE_IMAGE=docker.io/library/python:3.13-slim-bookworm

FROM ${BASE_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
# Neither environment holds pip: the base's own installs into both, and none goes along.
RUN python3 -m venv --without-pip /opt/verifier && python3 -m venv --without-pip /opt/builder
COPY requirements-image.txt requirements-image-build.txt ./
RUN python3 -m pip --python /opt/verifier/bin/python install --require-hashes --only-binary :all: --requirement requirements-image.txt \
 && python3 -m pip --python /opt/builder/bin/python install --require-hashes --only-binary :all: --requirement requirements-image-build.txt
COPY pyproject.toml README.md LICENSE ./
COPY verifier_service verifier_service
COPY sandbox_tools sandbox_tools
COPY trainer trainer
RUN python3 -m pip --python /opt/builder/bin/python wheel --no-deps --no-build-isolation --wheel-dir dist . \
 && python3 -m pip --python /opt/verifier/bin/python install --no-deps --no-index dist/*.whl \
 && /opt/verifier/bin/verifier --version

FROM ${BASE_IMAGE}
# The base's installer has done its work: what runs can install nothing. Its places hold no blanks.
# hadolint ignore=SC2046
RUN rm -rf /usr/bin/pip* /usr/local/bin/pip* $(python3 -c 'from importlib.util import find_spec; print(*(place + end \
 for name in ("pip", "ensurepip") if find_spec(name) for place in find_spec(name).submodule_search_locations for end in ("", "-*.dist-info")))') \
 && ! python3 -m pip --version 2>/dev/null
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
ARG SOURCE=""
LABEL org.opencontainers.image.title="verifier-service" \
      org.opencontainers.image.description="Rewards for tool-calling models: verified, explained, over HTTP." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
COPY --from=build /opt/verifier /opt/verifier
# Every interface, which the service refuses to serve without a key unless VERIFIER_INSECURE allows it.
ENV PATH=/opt/verifier/bin:${PATH} \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp \
    VERIFIER_HOST=0.0.0.0
# A number, so that Kubernetes can tell that it is not root.
USER 65532:65532
WORKDIR /tmp
EXPOSE 8080
# The service itself is the first process: SIGTERM reaches it and drains.
STOPSIGNAL SIGTERM
ENTRYPOINT ["verifier"]
CMD ["serve"]
