# hydromae on a CPU. Untested: no engine has built this yet. `tests/test_package.py` holds its Python to constraints.txt.
#
#     docker build -t hydromae --build-arg PIP_EXTRA_INDEX_URL=ADDRESS .
#     docker run --rm -v "$PWD:/work" --user "$(id -u):$(id -g)" hydromae forecast gb --data my_gauges -o forecast.nc
#
# ADDRESS is that of PyTorch's CPU packages, which the install page of pytorch.org gives; without it the image has the CUDA
# libraries, several gigabytes.
FROM python:3.11-slim AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY configs configs
COPY src src
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM python:3.11-slim
ARG PIP_EXTRA_INDEX_URL
ARG EXTRAS=
COPY constraints.txt ./
RUN --mount=type=bind,from=build,source=/wheels,target=/wheels \
    pip install --no-cache-dir -c constraints.txt "$(echo /wheels/*.whl)${EXTRAS:+[$EXTRAS]}" && rm constraints.txt
# A user without a name, as --user gives one, has no home that could be written to.
ENV HOME=/tmp MPLCONFIGDIR=/tmp/matplotlib
WORKDIR /work
ENTRYPOINT ["hydromae"]
