#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A stranger who waits: how its name is shown, and what its owner decides, by hand and by heart."""

import sys

import session
from screen import FOCUSED, HEADING, LABEL, Screen
from session import check, check_equal, wait
from tray import Notifications, Tray

# As long as a name may be; markup to labels and notifications, a mnemonic to menus.
NAME = '<b>x</b> &amp; <a href="http://127.0.0.1">a_b</a> '
NAME += 'n' * (100 - len(NAME))


def prepare(desk):
    Screen(desk)
    desk.tray = Tray(desk)
    desk.notifications = Notifications(desk)
    desk.simulator = desk.start_simulator('studio')
    desk.stranger = desk.start_simulator('stranger')
    desk.app = desk.start_app('--background', simulator=desk.simulator)
    desk.gateway = desk.gateway_of(desk.app)
    # Those who wait from the start are no news.
    desk.tray.wait_item()
    wait('the tray knows its node', lambda: desk.tray.labels()[0] == 'Ready with 1 node')


def node(desk):
    return desk.gateway.get(f'nodes/{desk.node_id}')


def wait_approval(desk, approval):
    wait(f'the node is {approval}', lambda: node(desk)['approval'] == approval)


def approvals(desk):
    """The window, with the stranger in it."""
    window = desk.screen.window('Approvals')
    desk.screen.find(window, HEADING, NAME)
    return window


def wait_sensitive(desk, button):
    """Not that it is, but that it became so: at first it was not."""
    wait(f'"{button.label}" can be pressed after a while',
         lambda: button in desk.screen.became_sensitive and button.is_enabled)


def a_stranger_is_announced_in_plain_text(desk):
    found = desk.gateway.post('discover', {'methods': ['local'], 'ports': [desk.stranger.gateway.port]})
    desk.node_id = next(node['id'] for node in found['nodes'] if node['base_url'] == desk.stranger.gateway.url)
    check_equal(node(desk)['approval'], 'pending', 'approval')
    desk.number, one = desk.notifications.wait('waits for your approval')
    check_equal(list(one['actions'].values())[-1], 'Review…', 'its button')
    wait('the tray says so', lambda: '1 Waiting for Approval…' in desk.tray.labels())
    wait('the icon asks for attention', lambda: desk.tray.property('Status') == 'NeedsAttention')
    check_equal(desk.screen.windows(), [], 'windows that nobody asked for')


def review_leads_to_its_window(desk):
    desk.gateway.post(f'nodes/{desk.node_id}', {'name': NAME}, 'PATCH')
    desk.notifications.choose(desk.number, 'Review…')
    window = approvals(desk)
    address = desk.stranger.gateway.url
    check(address in window.texts(), f'{address} is to be read')
    check(any('6 models' in text for text in window.texts()), 'so is how many models it has')


def enter_puts_it_off(desk):
    window = approvals(desk)
    for name in ('Approve', 'Block'):
        wait_sensitive(desk, desk.screen.button(window, name))
    desk.screen.key('Return')
    wait('the window is closed', lambda: desk.screen.windows('Approvals') == [])
    check_equal(node(desk)['approval'], 'pending', 'approval')


def enter_on_approve_does_nothing(desk):
    check_equal(desk.run_app('--page', 'approvals'), 0, 'exit status')
    window = approvals(desk)
    approve = desk.screen.button(window, 'Approve')
    wait_sensitive(desk, approve)
    desk.screen.key('Tab', 'Tab')
    wait('"Approve" has the focus', lambda: approve.has(FOCUSED))
    desk.screen.key('Return')
    desk.screen.key('shift+Tab')
    wait('"Block" has the focus', lambda: desk.screen.button(window, 'Block').has(FOCUSED))
    check_equal(node(desk)['approval'], 'pending', 'approval')


def it_is_approved_by_its_owner(desk):
    window = approvals(desk)
    desk.screen.press(desk.screen.button(window, 'Approve'))
    wait_approval(desk, 'approved')
    wait('nobody waits any more', lambda: not any('Waiting' in label for label in desk.tray.labels()))
    wait('the tray has it among the nodes, in plain text',
         lambda: any(label.startswith('<b>x</b> &amp; <a href="http://127.0.0.1">a_b</a>')
                     for label in desk.tray.labels(1)))
    wait('no notification is left', lambda: desk.notifications.shown == {})


def undo_lets_it_wait_again(desk):
    window = desk.screen.window('Approvals')
    desk.screen.press(desk.screen.button(window, 'Undo'))
    wait_approval(desk, 'pending')
    approvals(desk)
    wait('the tray says so', lambda: '1 Waiting for Approval…' in desk.tray.labels())


def its_name_is_plain_text_among_the_nodes(desk):
    check_equal(desk.run_app('--page', 'nodes'), 0, 'exit status')
    window = desk.screen.window('Vampire')
    desk.screen.find(window, LABEL, NAME)


def it_is_blocked_by_its_owner(desk):
    window = approvals(desk)
    desk.screen.press(desk.screen.button(window, 'Block'))
    wait_approval(desk, 'blocked')
    desk.gateway.post('discover', {'methods': ['local'], 'ports': [desk.stranger.gateway.port]})
    check_equal(node(desk)['approval'], 'blocked', 'approval after it was found again')
    check_equal(len(desk.notifications.all), 1, 'notifications of it in all')


sys.exit(session.run({}, [
    a_stranger_is_announced_in_plain_text,
    review_leads_to_its_window,
    enter_puts_it_off,
    enter_on_approve_does_nothing,
    it_is_approved_by_its_owner,
    undo_lets_it_wait_again,
    its_name_is_plain_text_among_the_nodes,
    it_is_blocked_by_its_owner,
], needs=['xfce4-panel'], prepare=prepare))
