#!/bin/sh
# Puts GitHub's runner into the base of an image, as root, while the image is built:
#
#   install.sh runner    everything that a runner image needs
#   install.sh release   the runner alone, for any user and without what it needs of a base
#
# ARCH is x64 or arm64. RUNNER_VERSION may be told, and then has to be the release that release.toml pins.
# FLEETFOOT_RELEASES is a mirror of GitHub's releases, FLEETFOOT_ROOT another root folder, for tests.
set -eu

recipe=$(dirname "$0")
root=${FLEETFOOT_ROOT:-}
releases=${FLEETFOOT_RELEASES:-https://github.com/actions/runner/releases/download}
runner=$root/opt/fleetfoot/actions-runner

refuse() {
    echo "fleetfoot: this image cannot be built: $*" >&2
    exit 1
}

warn() {
    echo "fleetfoot: warning: $*" >&2
}

has() {
    command -v "$1" >/dev/null 2>&1
}

# A value of release.toml.
pinned() {
    sed -n "s/^$1 = \"\([0-9a-f.]*\)\"\$/\1/p" "$recipe/release.toml"
}

# The runner brings a .NET and a Node.js of its own, which are built for glibc.
check_base() {
    [ -e "$root$loader" ] ||
        refuse "its base has no glibc ($loader is missing), which GitHub's runner needs; Alpine and distroless have none"
    glibc=$(getconf GNU_LIBC_VERSION 2>/dev/null) || return 0
    glibc=${glibc#glibc }
    minor=${glibc#2.}
    minor=${minor%%[!0-9]*}
    # .NET 8 is built for 2.23 (.NET documentation, "Linux compatibility"), Node.js 20 for 2.28 (its BUILDING.md).
    if [ "${minor:-99}" -lt 23 ]; then
        refuse "its base has glibc $glibc, GitHub's runner needs 2.23 or later"
    elif [ "${minor:-99}" -lt 28 ]; then
        warn "the base has glibc $glibc, and the runner's Node.js needs 2.28: steps with 'run:' work, most actions do not," \
            "actions/checkout among them"
    fi
}

# What the runner needs (.NET needs ICU; its own installdependencies.sh does not know Amazon Linux, actions/runner issue
# 2511), and what everyday jobs expect. What the base has stays as it is.
install_packages() {
    common="ca-certificates gzip jq sudo tar unzip zstd"
    if has apt-get; then
        export DEBIAN_FRONTEND=noninteractive
        apt-get update
        # The version is part of ICU's name. An anchored pattern is a regular expression to apt-get.
        # shellcheck disable=SC2086 # words
        apt-get install --yes --no-install-recommends --no-upgrade $common curl git '^libicu[0-9]+(t64)?$'
        return
    fi
    # curl-minimal conflicts with curl, and is enough.
    has curl || common="$common curl"
    common="$common findutils git-core shadow-utils"
    # shellcheck disable=SC2086 # words
    if has dnf; then
        dnf install --assumeyes --nodocs --setopt=install_weak_deps=False $common libicu openssl-libs
    elif has microdnf; then
        microdnf install --assumeyes --nodocs --setopt=install_weak_deps=0 $common libicu openssl-libs
    elif has yum; then
        # Amazon Linux 2. Its ICU 50 lacks what .NET looks for (machulav/ec2-github-runner issue 108).
        yum install --assumeyes --setopt=tsflags=nodocs $common libicu60 openssl-libs
    else
        refuse "its base has none of apt-get, dnf, microdnf and yum, with which what GitHub's runner needs is installed"
    fi
}

# What is needed to fetch and unpack the release, and no more.
install_tools() {
    if has curl && has tar && has gzip; then
        return
    elif has apt-get; then
        apt-get update
        apt-get install --yes --no-install-recommends ca-certificates curl gzip tar
    elif has dnf; then
        dnf install --assumeyes --nodocs --setopt=install_weak_deps=False curl gzip tar
    else
        refuse "its base lacks curl, tar or gzip"
    fi
}

install_release() {
    archive=actions-runner-linux-$ARCH-$version.tar.gz
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
    curl --fail --silent --show-error --location --retry 3 --output "$scratch/$archive" \
        "$releases/v$version/$archive" || refuse "$archive cannot be fetched from $releases"
    echo "$checksum  $scratch/$archive" | sha256sum -c - >/dev/null 2>&1 ||
        refuse "$archive is not what release.toml pins: its SHA-256 digest is another"
    mkdir -p "$runner"
    tar --extract --gzip --no-same-owner --file "$scratch/$archive" --directory "$runner"
    # Node.js for the containers of jobs, which Fargate does not run. Each start pulls the image anew.
    rm -rf "$runner"/externals/*_alpine
}

# For a job: GitHub's runners let it be root by sudo, and its task is its own. A user of the base is left as it is.
add_user() {
    if ! id runner >/dev/null 2>&1; then
        # GitHub's number, unless the base has a user of it.
        uid="--uid 1001"
        getent passwd 1001 >/dev/null 2>&1 && uid=
        # shellcheck disable=SC2086 # words
        useradd --create-home $uid --shell /bin/bash runner
        echo 'runner ALL=(ALL) NOPASSWD: ALL' >"$root/etc/sudoers.d/fleetfoot"
        chmod 440 "$root/etc/sudoers.d/fleetfoot"
    fi
    mkdir -p "$root/home/runner"
    chown runner "$root/home/runner"
    chown -R runner "$runner"
}

# GitHub's runner calls Docker for a job that needs a container; without it the job ends with "File not found: 'docker'".
explain_docker() {
    has docker && return
    mkdir -p "$root/usr/local/bin"
    cp "$recipe/docker" "$root/usr/local/bin/docker"
    chmod 755 "$root/usr/local/bin/docker"
}

clean() {
    rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/*.bin "$root"/var/cache/dnf "$root"/var/cache/yum \
        "$root"/var/log/apt "$root"/var/log/dpkg.log "$root"/var/log/dnf* "$root"/var/cache/ldconfig/aux-cache
}

case "${ARCH:-}" in
x64) loader=/lib64/ld-linux-x86-64.so.2 ;;
arm64) loader=/lib/ld-linux-aarch64.so.1 ;;
*) refuse "ARCH is '${ARCH:-}', expected x64 or arm64" ;;
esac
version=$(pinned version)
checksum=$(pinned "$ARCH")
[ "${RUNNER_VERSION:-$version}" = "$version" ] ||
    refuse "RUNNER_VERSION is '$RUNNER_VERSION', release.toml pins $version"

case "${1:-}" in
runner)
    check_base
    install_packages
    install_release
    add_user
    explain_docker
    clean
    ;;
release)
    install_tools
    install_release
    # Which user the image beside it runs as is not known here.
    mkdir -p "$runner/_diag" "$runner/_work"
    chmod -R a+rX "$root/opt/fleetfoot"
    chmod a+rwx "$runner" "$runner/_diag" "$runner/_work"
    ;;
*) refuse "install.sh takes 'runner' or 'release'" ;;
esac
