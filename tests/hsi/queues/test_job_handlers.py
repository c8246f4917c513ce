from __future__ import annotations

import pytest

from hsi.queues import QUEUE_NAMES, QueueName, get_handler

pytestmark = pytest.mark.one_engine


@pytest.mark.parametrize("queue", QUEUE_NAMES)
def test_every_queue_has_a_handler_of_an_app_to_the_right(queue: QueueName):
    handler = get_handler(queue)
    functions = (handler.work, handler.on_dead, handler.on_requeue)
    assert {function.__module__.partition(".")[0] for function in functions} in ({"detection"}, {"events"})


def test_a_queue_without_a_handler_is_an_error():
    with pytest.raises(KeyError):
        get_handler(QueueName("unknown_queue"))
