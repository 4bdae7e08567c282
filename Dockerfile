# One static binary and nothing else: docker run --rm -v "$PWD:/project:ro" unleak
FROM rust:1.95-alpine AS build
RUN apk add --no-cache musl-dev=~1.2
WORKDIR /source
COPY . .
RUN cargo build --release --locked --package unleak

FROM scratch
COPY --from=build /source/target/release/unleak /unleak
USER 65534:65534
WORKDIR /project
ENTRYPOINT ["/unleak"]
CMD ["check"]
