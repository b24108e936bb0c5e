"""What is counted of the ways in."""

from prometheus_client import Counter

from ...pack.metrics import OWN

PAYLOADS = Counter(
    "payloads",
    "Payloads of Slack's: stored, known already (again), left out (nobody asked for it), or unreadable.",
    ["outcome"],
    registry=OWN,
)
REFUSED = Counter(
    "requests_refused", "HTTP requests that are not Slack's, or cannot be read.", ["reason"], registry=OWN
)

for _outcome in ("stored", "again", "left_out", "unreadable"):
    PAYLOADS.labels(_outcome)  # there from the start, so that a rate can be told
