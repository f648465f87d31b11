"""A queue that seldom wakes its reader loses nothing and keeps the order."""

from __future__ import annotations

import threading

from rucio_jupyterlab.sources.letterbox import Letterbox


def test_what_is_put_by_several_threads_is_taken_once_and_in_the_order_of_each() -> None:
    box: Letterbox[tuple[int, int]] = Letterbox(0.0)

    def put(sender: int) -> None:
        for number in range(5_000):
            box.put((sender, number))

    senders = [threading.Thread(target=put, args=(sender,)) for sender in range(4)]
    for sender in senders:
        sender.start()
    taken = [box.take() for _ in range(20_000)]
    for sender in senders:
        sender.join()
    assert not box
    for number in range(4):
        assert [n for sender, n in taken if sender == number] == list(range(5_000))


def test_a_reader_that_sleeps_is_woken_by_each_item() -> None:
    box: Letterbox[int] = Letterbox(0.0)
    answers: Letterbox[int] = Letterbox(0.0)

    def echo() -> None:
        while (number := box.take()) >= 0:
            answers.put(number)

    reader = threading.Thread(target=echo)
    reader.start()
    for number in range(500):
        box.put(number)
        assert answers.take() == number
    box.put(-1)
    reader.join()


def test_a_reader_waits_for_so_long_and_no_longer() -> None:
    box: Letterbox[int] = Letterbox(0.0)
    assert not box.wait(0.01)
    putter = threading.Timer(0.05, box.put, (1,))
    putter.start()
    assert box.wait(20.0) and box.wait(0.0)
    assert box.take() == 1 and not box.wait(0.0)
    putter.join()
