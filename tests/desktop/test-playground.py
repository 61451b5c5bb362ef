#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What a person does most: shares by the switch, and chats in the playground, by keys and as a screen reader has it."""

import sys

import session
from screen import BUTTONS, CHECKED, LABEL, Screen
from session import check, check_equal, wait

SHARE = 'Share on This Network'


def prepare(desk):
    Screen(desk)
    desk.simulator = desk.start_simulator('studio')
    desk.app = desk.start_app('--page', 'sharing', simulator=desk.simulator)
    desk.gateway = desk.gateway_of(desk.app)


def stall(desk, tokens):
    """The simulator sends so many of each answer and waits; -1: it does not wait any more."""
    check_equal(desk.simulator.gateway.ask('POST', '/sim/v1/config', {'stall_after_tokens': tokens})[0], 200, 'status')


def wait_sharing(desk, shares):
    wait(f'sharing is {"on" if shares else "off"}', lambda: desk.gateway.get('share')['enabled'] == shares)


def ask(desk, question):
    """The window and the playground's entry; the question is typed and sent by Enter."""
    window = desk.screen.window('Vampire')
    entry = desk.screen.find(window, name='Your question')
    desk.screen.focus(window, entry)
    desk.screen.type(question)
    wait('the question is there', lambda: entry.text == question)
    desk.screen.key('Return')
    wait('the entry is empty', lambda: entry.text == '')
    return window


# -- Sharing -------------------------------------------------------------------------------------------------------

def sharing_is_switched(desk):
    window = desk.screen.window('Vampire')
    switch = desk.screen.find(window, BUTTONS, SHARE)
    wait('the switch is off', lambda: switch.is_enabled and not switch.has(CHECKED))
    desk.screen.press(switch)
    wait_sharing(desk, True)
    check_equal(desk.gateway.get('share')['mode'], 'personal', 'mode')
    wait('the switch is on', lambda: switch.has(CHECKED))
    desk.screen.press(switch)
    wait_sharing(desk, False)
    wait('the switch is off', lambda: not switch.has(CHECKED))


def the_switch_follows_what_others_do(desk):
    window = desk.screen.window('Vampire')
    switch = desk.screen.find(window, BUTTONS, SHARE)
    desk.gateway.post('share', {'mode': 'family', 'enabled': True})
    wait('the switch is on', lambda: switch.has(CHECKED))
    desk.gateway.post('share', {'enabled': False})
    wait('the switch is off', lambda: not switch.has(CHECKED))


# -- A chat --------------------------------------------------------------------------------------------------------

def an_answer_is_shown_as_it_is_written(desk):
    check_equal(desk.run_app('--page', 'playground'), 0, 'exit status')
    stall(desk, 3)
    window = ask(desk, 'count to 9')
    desk.screen.find(window, LABEL, 'count to 9')
    desk.screen.find(window, LABEL, contains='1, 2')
    desk.screen.button(window, 'Stop')
    check_equal(desk.gateway.get('status')['active_requests'], 1, 'running requests')
    stall(desk, -1)
    desk.screen.find(window, LABEL, '1, 2, 3, 4, 5, 6, 7, 8, 9.')
    wait('it is over', lambda: desk.gateway.get('status')['active_requests'] == 0)


def its_figures_are_shown(desk):
    window = desk.screen.window('Vampire')
    figures = desk.screen.find(window, LABEL, contains='tokens/s').name
    for part in ('first token after', 'tokens', 'on This Computer'):
        check(part in figures, f'"{part}" is among the figures: {figures}')


def a_screen_reader_is_told(desk):
    window = desk.screen.window('Vampire')
    desk.screen.find(window, contains='The answer is complete: 1, 2, 3')


def stop_ends_an_answer(desk):
    stall(desk, 3)
    window = ask(desk, 'count to 12')
    wait('the answer begins', lambda: len(desk.screen.all(window, LABEL, contains='1, 2')) == 2)
    desk.screen.press(desk.screen.button(window, 'Stop'))
    status, statistics = desk.simulator.gateway.ask('GET', '/sim/v1/wait?counter=aborted_generations&at_least=1')
    check_equal(status, 200, f'the node is told that nobody listens any more: {statistics}')
    desk.screen.find(window, LABEL, contains='stopped')
    stall(desk, -1)
    ask(desk, 'say: all is well again')
    desk.screen.find(window, LABEL, 'all is well again')


sys.exit(session.run({'panel': False}, [
    sharing_is_switched,
    the_switch_follows_what_others_do,
    an_answer_is_shown_as_it_is_written,
    its_figures_are_shown,
    a_screen_reader_is_told,
    stop_ends_an_answer,
], prepare=prepare))
