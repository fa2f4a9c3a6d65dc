# The page in a container: slim, without TensorFlow, not as root. From the checkout:
#
#     docker build --tag maskedgender .
#     docker run --rm --read-only --tmpfs /tmp --publish 127.0.0.1:7860:7860 maskedgender
#
# Behind a proxy, add the name that browsers use: --env GRADIO_SERVER_NAME="0.0.0.0 faces.example.org"
FROM python:3.12-slim AS build
WORKDIR /source
COPY . .
# Bytecode and the packages' own tests are a quarter of the whole.
RUN python -m venv --without-pip /app \
 && pip --python /app install --no-cache-dir --no-compile . \
 && find /app -type d -name tests -prune -exec rm -rf {} +

FROM python:3.12-slim
RUN useradd --uid 1000 --create-home page
COPY --from=build /app /app
USER page
WORKDIR /home/page
ENV PATH=/app/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 GRADIO_SERVER_NAME=0.0.0.0 GRADIO_SERVER_PORT=7860
EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
 CMD python -c "import urllib.request as u; u.urlopen('http://127.0.0.1:7860/health', timeout=4)"
CMD ["maskedgender", "app"]
