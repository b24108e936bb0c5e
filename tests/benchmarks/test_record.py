"""What the benchmarks' peers note."""

from record import ACKED, EVENT, RESULT, SENT, Record


def test_the_first_time_counts() -> None:
    """What happens to a message again is counted, and does not change when it happened."""
    record = Record()
    assert record.note(7, EVENT, 1.0)
    assert record.note(7, RESULT, 2.0)
    assert not record.note(7, EVENT, 3.0)
    assert record.times[7][EVENT] == 1.0
    assert record.times[7][SENT] == 0.0
    assert record.counts == [0, 0, 1, 0, 0, 0, 0, 1]
    assert record.twice == 1


def test_what_is_returned_is_what_was_seen() -> None:
    """The summary has numbers only, everything has what they count."""
    record = Record()
    record.note(7, ACKED, 1.0)
    record.takes += [1.0, 2.0]
    record.events["C1"].append(7)
    record.calls["auth.test"] += 1
    summary = record.summary()
    assert summary["polls"] == 2
    assert summary["calls"] == {"auth.test": 1}
    assert summary["elapsed"] > 0
    assert "times" not in summary
    everything = record.everything()
    assert everything["times"] == {7: [0, 1, 0, 0, 0, 0, 0, 0]}
    assert everything["takes"] == [1, 2]
    assert everything["events"] == {"C1": [7]}
    assert everything["counts"] == summary["counts"]


def test_nothing_is_left_of_what_was_forgotten() -> None:
    """An emptied record is as a new one: what happened before may happen again."""
    record = Record()
    record.note(7, EVENT, 1.0)
    record.note(7, EVENT, 1.0)
    record.takes.append(1.0)
    record.registered.append(1.0)
    record.hellos.append(1.0)
    record.limited += 1
    record.posts["C1"].append(7)
    began = record.summary()["elapsed"]
    record.empty()
    new = Record()
    varying = {"now", "cpu", "elapsed"}
    assert {name: value for name, value in record.everything().items() if name not in varying} == {
        name: value for name, value in new.everything().items() if name not in varying
    }
    assert record.summary()["elapsed"] < began + 0.1
    assert record.note(7, EVENT, 1.0)
