"""A script for `test_rotation.py`: forks pairs of processes that renew, and kills them.

Reads the tap's configs as a JSON list on standard input, one for each family of tokens; the number
of rounds is its argument. After each round it renews as a later run of each would, and ends with an
error when that fails.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time

import requests
from tap_xero.api.retries import Retries
from tap_xero.auth.store import open_store
from tap_xero.auth.token_service import TokenService
from tap_xero.auth.tokens import Credentials


def credentials(config):
    retries = Retries(attempts=1)
    return Credentials(
        service=TokenService(
            requests.Session(),
            config["identity_url"],
            config["client_id"],
            config["client_secret"],
        ),
        store=open_store(config, lambda _: None),
        client_id=config["client_id"],
        seed=config["refresh_token"],
        scopes=None,
        clock=retries.clock,
        retries=retries,
    )


def renewed(made) -> str:
    """An access token that was renewed just now."""
    made.reject(made.token())
    return made.token()


def renew_until_killed(config) -> None:
    made = credentials(config)
    while True:
        renewed(made)


def fork(config) -> int:
    child = os.fork()
    if child == 0:
        try:
            renew_until_killed(config)
        finally:
            os._exit(1)
    return child


def main() -> None:
    configs = json.loads(sys.stdin.readline())
    chance = random.Random(6)
    for _ in range(int(sys.argv[1])):
        pairs = [fork(config) for config in configs for _ in range(2)]
        time.sleep(chance.uniform(0.01, 0.15))
        for child in chance.sample(pairs, len(pairs)):
            os.kill(child, signal.SIGKILL)
            time.sleep(chance.uniform(0, 0.02))
        for child in pairs:
            _, status = os.waitpid(child, 0)
            if not os.WIFSIGNALED(status):
                sys.exit("a renewer ended by itself: it had lost the token")
        for config in configs:
            renewed(credentials(config))
    sys.stdout.write("done\n")
    sys.stdout.flush()
    if "forever" in sys.argv:
        renew_until_killed(configs[0])


if __name__ == "__main__":
    main()
