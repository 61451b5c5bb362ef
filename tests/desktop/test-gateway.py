#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The app beside a gateway that runs already, as a service does: attached to it, without it, with it again, and in its
place."""

import os
import signal
import socket
import sys

import session
from screen import HEADING, Screen
from session import check, check_equal, wait
from tray import Tray

WORKS = 'Vampire Works'
LOST = 'Vampire Is Not Reached'


def prepare(desk):
    Screen(desk)
    desk.tray = Tray(desk)
    desk.simulator = desk.start_simulator('studio')
    with socket.create_server(('127.0.0.1', 0)) as server:
        desk.port = server.getsockname()[1]
    start_service(desk)
    desk.app = desk.start_app(simulator=desk.simulator)


def start_service(desk):
    desk.service = desk.start('vampire-serve', os.environ['VAMPIRE'], 'serve', f'--port={desk.port}',
                              env={**desk.app_env(), 'VAMPIRE_DEFAULT_BASE_URL': desk.simulator.gateway.url,
                                   'VAMPIRE_PORT': str(desk.port)})
    desk.gateway = desk.gateway_of(desk.service)


def heading(desk):
    window = desk.screen.window('Vampire')
    return [thing.name for thing in desk.screen.all(window, HEADING)]


def it_attaches_to_the_one_that_runs(desk):
    desk.tray.wait_item()
    wait('the windows say that it works', lambda: WORKS in heading(desk))
    wait('so does the tray', lambda: desk.tray.labels()[0] == 'Ready with 1 node')
    window = desk.screen.window('Vampire')
    check(any(f':{desk.port}/v1' in text for text in window.texts()), 'its address is to be read')
    check_equal(desk.app.lines, [], 'what the app says of a gateway of its own')


def its_death_is_said(desk):
    desk.service.kill(signal.SIGKILL)
    wait('the windows say so', lambda: LOST in heading(desk))
    wait('so does the icon', lambda: desk.tray.property('IconName').endswith('-tray-problem-symbolic'))
    wait('there is nothing to share', lambda: not desk.tray.entry('Share on This Network')[1].get('enabled', True))
    check(desk.app.is_running(), 'the app goes on')


def its_return_is_noticed(desk):
    start_service(desk)
    wait('the windows say so', lambda: WORKS in heading(desk))
    wait('so does the tray', lambda: desk.tray.labels()[0] == 'Ready with 1 node')
    wait('which can share', lambda: desk.tray.entry('Share on This Network')[1].get('enabled', True))
    check_equal(desk.app.lines, [], 'what the app says of a gateway of its own')
    check_equal(desk.gateway.chat('say: hello').wait_text(), 'hello', 'an answer')


def when_it_stays_away_the_app_takes_over(desk):
    desk.service.kill(signal.SIGKILL)
    desk.service.wait_end()
    own = desk.gateway_of(desk.app)
    check_equal(own.chat('say: hello again').wait_text(), 'hello again', 'an answer')
    wait('the windows say that it works', lambda: WORKS in heading(desk))
    window = desk.screen.window('Vampire')
    desk.screen.wait_text(window, f':{own.port}/v1')
    wait('so does the tray', lambda: desk.tray.labels()[0] == 'Ready with 1 node')


def a_second_gateway_is_refused(desk):
    """Two would write into one database."""
    second = desk.start('vampire-second', os.environ['VAMPIRE'], 'serve', '--port=0', env=desk.app_env())
    check(second.wait_end() != 0, 'it does not start')


sys.exit(session.run({}, [
    it_attaches_to_the_one_that_runs,
    its_death_is_said,
    its_return_is_noticed,
    when_it_stays_away_the_app_takes_over,
    a_second_gateway_is_refused,
], needs=['xfce4-panel'], prepare=prepare))
