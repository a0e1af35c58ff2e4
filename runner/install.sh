#!/bin/sh
# Installs GitHub's runner into the base of a runner image. RUNNER_VERSION and ARCH (x64 or arm64) are build arguments.
set -eu

refuse() {
    echo "fleetfoot: this base image cannot be used: $*" >&2
    exit 1
}

case "$ARCH" in
x64) loader=/lib64/ld-linux-x86-64.so.2 ;;
arm64) loader=/lib/ld-linux-aarch64.so.1 ;;
*) refuse "ARCH is '$ARCH', expected x64 or arm64" ;;
esac
# The runner brings a .NET and a Node.js of its own, which are built for glibc.
[ -e "$loader" ] || refuse "it has no glibc ($loader is missing), which GitHub's runner needs; Alpine and distroless have none"

if command -v apt-get >/dev/null; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update
    apt-get install --yes --no-install-recommends ca-certificates curl git gzip tar
elif command -v dnf >/dev/null; then
    # curl-minimal conflicts with curl, and is enough.
    command -v curl >/dev/null || dnf install --assumeyes curl
    dnf install --assumeyes ca-certificates findutils git gzip shadow-utils tar
else
    refuse "it has neither apt-get nor dnf, with which what GitHub's runner needs is installed"
fi

archive="actions-runner-linux-$ARCH-$RUNNER_VERSION.tar.gz"
grep -F "  $archive" checksums.txt >expected.txt || refuse "checksums.txt has no line for $archive"
curl --fail --silent --show-error --location --retry 3 --output "$archive" \
    "https://github.com/actions/runner/releases/download/v$RUNNER_VERSION/$archive"
sha256sum -c expected.txt

mkdir /opt/actions-runner
tar --extract --gzip --file "$archive" --directory /opt/actions-runner
# Which libraries .NET needs depends on the distribution; the runner knows.
/opt/actions-runner/bin/installdependencies.sh

# The number is free in every base; Ubuntu and Node.js have users of their own at 1000.
id runner >/dev/null 2>&1 || useradd --create-home --uid 1001 --shell /bin/bash runner
mkdir -p /home/runner
chown -R runner /opt/actions-runner /home/runner

rm -rf "$archive" expected.txt checksums.txt install.sh /var/lib/apt/lists/* /var/cache/dnf
