#!/bin/bash
# How much memory the agent holds while a job runs: registered over TLS, as on AWS, with all root certificates of this
# machine. Fails above 10 MB. Needs openssl and python3.
#
#   cargo build --release -p fleetfoot-agent && benches/agent-memory.sh target/release/fleetfoot-agent
set -euo pipefail
agent=$(realpath "${1:?the path of the agent\'s program}")
limit_kb=10000

place=$(mktemp --directory)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$place"' EXIT
cd "$place"

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -keyout key.pem -out certificate.pem \
    -subj /CN=localhost -addext subjectAltName=DNS:localhost -addext basicConstraints=critical,CA:FALSE 2>openssl.log
cat /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt certificate.pem >roots.pem 2>/dev/null || true

# Answers as `register` does, with a configuration of the usual size.
cat >register.py <<'PYTHON'
import http.server, ssl

class Register(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        body = b'{"jitConfiguration":"%s"}' % (b"x" * 6000)
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

server = http.server.HTTPServer(("127.0.0.1", 0), Register)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("certificate.pem", "key.pem")
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_port, flush=True)
server.serve_forever()
PYTHON
mkfifo port
python3 register.py >port &
server=$!
read -r port <port

# A runner whose job prints 10 MB and then looks at the agent.
mkdir runner
cat >runner/run.sh <<'RUNNER'
#!/bin/bash
echo '2026-11-21 08:00:00Z: Listening for Jobs'
bash -e "$ACTIONS_RUNNER_HOOK_JOB_STARTED"
yes 'a line of a log that has a hundred characters, as lines of logs have when they are of the longer ones' | head -c 10000000
sleep 1
grep -E '^(VmHWM|VmRSS|RssAnon|RssFile)' "/proc/$PPID/status" >"$PLACE/memory"
bash -e "$ACTIONS_RUNNER_HOOK_JOB_COMPLETED"
RUNNER
chmod +x runner/run.sh

FLEETFOOT_REGISTER_URL="https://localhost:$port/runners/ff-1-1/register" FLEETFOOT_TICKET=ticket \
    FLEETFOOT_RUNNER_DIR="$place/runner" FLEETFOOT_REGISTER_SECONDS=10 SSL_CERT_FILE="$place/roots.pem" PLACE="$place" \
    "$agent" >/dev/null 2>agent.log || { cat agent.log >&2; exit 1; }

cat memory
resident=$(awk '/^VmHWM/ { print $2 }' memory)
echo "at most $resident kB, $limit_kb kB are allowed"
[ "$resident" -le "$limit_kb" ]
