"""What is counted of Slack, beside what the runtime counts."""

from prometheus_client import Counter

from ...pack.metrics import OWN

RATE_LIMITED = Counter("rate_limited", "Answers 429 of Slack, by Web API method.", ["method"], registry=OWN)
