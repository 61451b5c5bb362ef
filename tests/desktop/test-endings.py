#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""How the app ends and how it goes on: without a tray, without its windows, and with answers under way."""

import os
import signal
import sys

import session
from screen import Screen
from session import check, check_equal, wait
from tray import Notifications, Tray


def prepare(desk):
    Screen(desk)
    desk.tray = Tray(desk)
    desk.simulator = desk.start_simulator('studio')


def start(desk, *args):
    desk.app = desk.start_app(*args, simulator=desk.simulator)
    desk.gateway = desk.gateway_of(desk.app)


def stall(desk, tokens):
    check_equal(desk.simulator.gateway.ask('POST', '/sim/v1/config', {'stall_after_tokens': tokens})[0], 200, 'status')


def close_window(desk):
    window = desk.screen.window('Vampire')
    desk.screen.press(desk.screen.button(window, 'Close'))
    wait('the window is closed', lambda: desk.screen.windows() == [])


def windows_pid(desk):
    with open(f'/proc/{desk.app.pid}/task/{desk.app.pid}/children', encoding='ascii') as children:
        pids = children.read().split()
    return int(pids[0]) if pids else None


# -- Without a tray ------------------------------------------------------------------------------------------------

def unseen_and_unheard_it_ends_with_its_window(desk):
    start(desk)
    close_window(desk)
    check_equal(desk.app.wait_end(), 0, 'exit status')


def with_notifications_it_goes_on_and_says_so_once(desk):
    desk.notifications = Notifications(desk)
    start(desk)
    close_window(desk)
    desk.notifications.wait('Vampire goes on in the background')
    check_equal(desk.run_app(), 0, 'exit status')
    close_window(desk)
    wait('the program with the windows ends', lambda: windows_pid(desk) is None, looks=True)
    check_equal(desk.gateway.ask('GET', '/health')[0], 200, 'the gateway answers')
    check_equal(len(desk.notifications.all), 1, 'notifications in all')


def its_notification_opens_it_again(desk):
    number, _ = desk.notifications.wait('Vampire goes on in the background')
    desk.notifications.choose(number, 'Open')
    desk.screen.window('Vampire')


def a_tray_that_comes_later_is_used(desk):
    desk.panel = desk.start_panel()
    desk.tray.wait_item()
    wait('the menu is there', lambda: desk.tray.labels()[0] == 'Ready with 1 node')


# -- Windows and answers -------------------------------------------------------------------------------------------

def a_crash_of_the_windows_ends_no_answer(desk):
    stall(desk, 3)
    chat = desk.gateway.chat('count to 30')
    wait('the answer begins', lambda: chat.text.startswith('1,'))
    os.kill(windows_pid(desk), signal.SIGKILL)
    wait('the windows are gone', lambda: windows_pid(desk) is None, looks=True)
    stall(desk, -1)
    text = chat.wait_text()
    check(chat.is_complete and text.endswith('30.'), f'the answer is complete: {text}')
    number, one = desk.notifications.wait('The window ended unexpectedly')
    desk.notifications.choose(number, 'Open')
    desk.screen.window('Vampire')


def quitting_asks_when_others_are_served(desk):
    key = desk.gateway.post('keys', {'name': 'guest'})['key']
    door = desk.gateway.post('share', {'mode': 'personal', 'enabled': True})['listeners'][0]
    stall(desk, 3)
    chat = desk.gateway.chat('count to 30', door=door, key=key)
    wait('the answer begins', lambda: chat.text.startswith('1,'))
    wait('the tray says so', lambda: desk.tray.labels()[0] == '1 answer is being written')
    desk.tray.choose('Quit')
    question = desk.screen.window('Quit Vampire?')
    check(any('1 answer is being written, also for other computers' in text for text in question.texts()),
          'it says who is served')
    desk.screen.press(desk.screen.button(question, 'Cancel'))
    wait('the question is gone', lambda: question not in desk.screen.windows())
    stall(desk, -1)
    text = chat.wait_text()
    check(chat.is_complete and text.endswith('30.'), f'the answer is complete: {text}')
    check(desk.app.is_running(), 'it goes on')
    desk.gateway.post('share', {'enabled': False})


def quitting_lets_an_answer_for_this_computer_end(desk):
    stall(desk, 3)
    chat = desk.gateway.chat('count to 30')
    wait('the answer begins', lambda: chat.text.startswith('1,'))
    wait('the tray says so', lambda: desk.tray.labels()[0] == '1 answer is being written')
    check_equal(desk.run_app('--quit'), 0, 'exit status')
    wait('the tray says so', lambda: desk.tray.labels()[0] == 'Quitting when running answers have ended…')
    wait('the windows are gone', lambda: desk.screen.windows() == [])
    check(desk.app.is_running(), 'it does not leave who waits')
    stall(desk, -1)
    text = chat.wait_text()
    check(chat.is_complete and text.endswith('30.'), f'the answer is complete: {text}')
    check_equal(desk.app.wait_end(), 0, 'exit status')


def a_panel_that_is_killed_gets_the_icon_back(desk):
    start(desk, '--background')
    desk.tray.wait_item()
    desk.stop_panel()
    check(desk.app.is_running(), 'it goes on without a tray')
    desk.panel = desk.start_panel()
    desk.tray.wait_item()
    wait('the menu is there', lambda: desk.tray.labels()[0] == 'Ready with 1 node')


def a_signal_ends_it(desk):
    desk.app.kill(signal.SIGTERM)
    check_equal(desk.app.wait_end(), 0, 'exit status')


sys.exit(session.run({'panel': False}, [
    unseen_and_unheard_it_ends_with_its_window,
    with_notifications_it_goes_on_and_says_so_once,
    its_notification_opens_it_again,
    a_tray_that_comes_later_is_used,
    a_crash_of_the_windows_ends_no_answer,
    quitting_asks_when_others_are_served,
    quitting_lets_an_answer_for_this_computer_end,
    a_panel_that_is_killed_gets_the_icon_back,
    a_signal_ends_it,
], needs=['xfce4-panel'], prepare=prepare))
