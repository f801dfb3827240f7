"""`time_limit` ends a block that takes too long, and nothing else."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time

import pytest

from verifier_service.worker import TimeLimitExceeded, time_limit

SHORT_S = 0.01


def burn(cpu_s: float) -> None:
    end = time.thread_time() + cpu_s
    while time.thread_time() < end:
        pass


def test_a_loop_in_python_is_interrupted() -> None:
    with pytest.raises(TimeLimitExceeded), time_limit(SHORT_S):
        burn(60)


def test_a_catastrophic_regex_is_interrupted() -> None:
    with pytest.raises(TimeLimitExceeded), time_limit(SHORT_S):
        re.match(r"(a+)+$", "a" * 60 + "b")


def test_code_that_catches_every_exception_is_interrupted() -> None:
    def stubborn() -> None:
        while True:
            try:
                burn(1)
            except Exception:  # noqa: BLE001 - what this test is about
                continue

    with pytest.raises(TimeLimitExceeded), time_limit(SHORT_S):
        stubborn()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_interruption_that_is_lost_in_a_destructor_is_repeated() -> None:
    class Slow:
        def __del__(self) -> None:
            burn(1)

    def lose_one() -> None:
        Slow()
        burn(60)

    with pytest.raises(TimeLimitExceeded), time_limit(SHORT_S):
        lose_one()


def test_a_block_that_is_quick_enough_is_left_alone() -> None:
    with time_limit(1):
        burn(SHORT_S)


def test_nothing_is_interrupted_after_the_block() -> None:
    for _ in range(20):
        with time_limit(SHORT_S):
            pass
        burn(SHORT_S)


def test_an_interrupted_guard_can_be_entered_again() -> None:
    guard = time_limit(SHORT_S)
    for _ in range(3):
        with pytest.raises(TimeLimitExceeded), guard:
            burn(1)
    burn(5 * SHORT_S)


def test_time_spent_waiting_does_not_count() -> None:
    with time_limit(SHORT_S):
        time.sleep(10 * SHORT_S)


def test_limits_do_not_nest() -> None:
    with time_limit(1), pytest.raises(RuntimeError, match="nest"), time_limit(1):
        pass


def test_the_timer_stops_when_no_block_needs_it() -> None:
    with time_limit(1):
        assert signal.getitimer(signal.ITIMER_PROF) != (0, 0)
    burn(10 * SHORT_S)
    assert signal.getitimer(signal.ITIMER_PROF) == (0, 0)


def test_another_thread_is_not_limited() -> None:
    finished = threading.Event()

    def work() -> None:
        with time_limit(SHORT_S):
            burn(5 * SHORT_S)
        finished.set()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert finished.is_set()


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_forked_process_has_limits_of_its_own() -> None:
    with time_limit(1):
        pid = os.fork()
        if pid == 0:
            try:
                with time_limit(SHORT_S):
                    burn(5)
            except TimeLimitExceeded:
                os._exit(7)
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7


def test_a_process_that_used_a_limit_ends_in_peace() -> None:
    script = (
        "from verifier_service.worker import time_limit\n"
        "with time_limit(1): pass\n"
        "import time\n"
        "class Slow:\n"
        "    def __del__(self, clock=time.process_time):\n"
        "        end = clock() + 0.05\n"
        "        while clock() < end: pass\n"
        "slow = Slow()\n"
    )
    path = {"PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", script], env=os.environ | path, check=True)
