# The demo in a container, on today's stack: docker build --tag kerasser . && docker run --rm kerasser
FROM python:3.13-slim

RUN useradd --create-home --uid 1000 kerasser && install --directory --owner=kerasser /kerasser /kerasser/outputs
WORKDIR /kerasser
USER 1000
ENV PIP_NO_CACHE_DIR=1 \
    MPLCONFIGDIR=/tmp/matplotlib

# What is installed depends on these alone: a change of the code installs nothing anew.
COPY --chown=kerasser LICENSE README.md pyproject.toml setup.cfg ./
COPY --chown=kerasser requirements requirements
COPY --chown=kerasser tools tools
COPY --chown=kerasser kerasser/__init__.py kerasser/
COPY --chown=kerasser pipelines/__init__.py pipelines/__main__.py pipelines/
RUN ["bash", "-euc", ". tools/environment.sh; environment ''"]

COPY --chown=kerasser . .
CMD ["tools/demo"]
