"""What is counted of the ways in."""

from prometheus_client import Counter

PAYLOADS = Counter(
    "flyte_slack_payloads",
    "Payloads of Slack's: stored, known already (again), left out (nobody asked for it), or unreadable.",
    ["outcome"],
)
REFUSED = Counter(
    "flyte_slack_requests_refused", "HTTP requests that are not Slack's, or cannot be read.", ["reason"]
)

for _outcome in ("stored", "again", "left_out", "unreadable"):
    PAYLOADS.labels(_outcome)  # there from the start, so that a rate can be told
