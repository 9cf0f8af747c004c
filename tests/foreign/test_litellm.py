"""The program works with a model server that nobody here wrote."""

import pathlib

import pytest
from conftest import ANSWER, eventually

ESTABLISHED = "01"


def connections(process, port):
    """The number of open connections that a process has to a port of 127.0.0.1."""
    rows = [row.split() for row in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]]
    open_there = {row[9] for row in rows if row[2] == f"0100007F:{port:04X}" and row[3] == ESTABLISHED}
    count = 0
    for descriptor in pathlib.Path(f"/proc/{process.pid}/fd").iterdir():
        try:
            target = str(descriptor.readlink())
        except FileNotFoundError:
            continue
        count += target.removeprefix("socket:[").removesuffix("]") in open_there
    return count


def test_an_answer_streams_to_its_end(learner):
    turn, events = learner("school").asked()
    assert (turn["state"], turn["reason"], turn["answer"]["text"]) == ("done", None, ANSWER)
    assert events[0] == "snapshot" and events[-1] == "end"


def test_notes_that_follow_the_schema_are_the_models(learner):
    turn, _ = learner("tutor").asked()
    assert (turn["state"], turn["feedback"]["source"]) == ("done", "model")


def test_prose_in_place_of_notes_costs_no_failure(learner):
    student = learner("school")
    turn, _ = student.asked()
    assert (turn["state"], turn["feedback"]["source"]) == ("done", "coach")
    assert student.asked()[0]["state"] == "done"
    assert 'turns_total{outcome="failed"} 0' in student.call("GET", "/metrics", 200).text


def test_a_cancelled_turn_hangs_up(learner, proxy):
    student = learner("silent")
    conversation = student.begin()
    turn = student.ask(conversation)
    eventually("the calls", lambda: connections(student.process, proxy.port) >= 2)
    student.call("POST", f"/api/v1/turns/{turn}/cancel", 204)
    eventually("the end of the calls", lambda: connections(student.process, proxy.port) == 0)
    assert student.stored(conversation)["state"] == "cancelled"


@pytest.mark.parametrize(
    ("model", "key", "code"), [("school", "sk-wrong", "model-key"), ("nobody", "sk-right", "model-missing")]
)
def test_a_wrong_key_and_an_unknown_model_are_told_apart(learner, examine, model, key, code):
    turn, _ = learner(model, key=key).asked()
    assert (turn["state"], turn["reason"], turn["answer"]) == ("failed", "misconfigured", None)
    assert turn["reason_text"]
    assert code in examine(model, key=key)


def test_the_doctor_finds_the_proxy_well(examine):
    assert "model-ok" in examine("school")
