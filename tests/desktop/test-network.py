#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A stranger of the network, announced by a real avahi-daemon with a name that is made to deceive: it is plain text
everywhere. To be run in a network of its own, by tests/dnssd/run."""

import os
import sys

import network
import session
from screen import LABEL, Screen
from session import check, check_equal, wait
from tray import Notifications, Tray

# Markup, and characters that turn around what follows them: "exe.png" is what would be read of it.
NAME = '<b>x</b> &amp; a_b \u202egnp.exe\u2069 <i>'
PLAIN = '<b>x</b> &amp; a_b'

CONTROLS = [chr(code) for code in (*range(0x20), 0x7f, 0x200e, 0x200f, *range(0x202a, 0x202f), *range(0x2066, 0x206a))]


def prepare(desk):
    Screen(desk)
    desk.tray = Tray(desk)
    desk.notifications = Notifications(desk)
    here, desk.there = network.set_up(desk)
    desk.simulator = desk.start_simulator('studio')
    desk.stranger = desk.there.start('stranger', os.environ['LMSTUDIO_SIM'], '--fast', '--port=0',
                                     f'--host={desk.there.address}')
    line = desk.stranger.line('lmstudio-sim ')
    desk.url = line[line.index('http://'):]
    desk.app = desk.start_app('--background', simulator=desk.simulator, env={
        'DBUS_SYSTEM_BUS_ADDRESS': here.bus_address, 'VAMPIRE_DNS_SD_TYPES': '_lmstudio._tcp'})
    desk.gateway = desk.gateway_of(desk.app)
    desk.tray.wait_item()
    wait('the tray knows its node', lambda: desk.tray.labels()[0] == 'Ready with 1 node')


def check_plain(texts, where):
    for text in texts:
        found = [hex(ord(character)) for character in text if character in CONTROLS and character != '\n']
        check(not found, f'{where} has {found} in {text!r}')


def is_found_by_its_announcement(desk):
    desk.there.announce(NAME, '_lmstudio._tcp', int(desk.url.rpartition(':')[2]))
    desk.node = wait('it is found', lambda: next((node for node in desk.gateway.get('nodes')['data']
                                                  if not node['is_default']), None))
    check_equal(desk.node['found']['by'], 'mdns', 'how it was found')
    check_equal(desk.node['approval'], 'pending', 'approval')
    check_equal(desk.node['base_url'], desk.url, 'address')


def it_may_not_choose_what_it_is_called(desk):
    number, one = desk.notifications.wait('“beta.local” waits for your approval')
    check_plain([one['title'], one['body']], 'the notification')
    check(PLAIN not in one['title'] + one['body'], 'the announced name is not the node\'s')
    desk.notifications.choose(number, 'Review…')


def its_announcement_is_plain_text_where_it_is_decided(desk):
    window = desk.screen.window('Approvals')
    desk.screen.find(window, LABEL, contains=PLAIN)
    check_plain(window.texts(), 'the window of approvals')
    desk.screen.press(desk.screen.button(window, 'Approve'))
    wait('it is approved', lambda: desk.gateway.get(f'nodes/{desk.node["id"]}')['approval'] == 'approved')


def the_tray_leads_to_its_page(desk):
    desk.tray.choose('beta.local')
    window = desk.screen.window('Vampire')
    desk.screen.find(window, LABEL, contains=PLAIN)
    check_plain(window.texts(), 'the page of the node')
    check_plain(desk.tray.labels(1) + desk.tray.labels(), 'the menu')


def pages_show_plain_text(desk):
    for page in ('nodes', 'overview', 'models', 'playground', 'activity'):
        check_equal(desk.run_app('--page', page), 0, 'exit status')
        window = desk.screen.window('Vampire')
        if page in ('nodes', 'overview'):
            desk.screen.find(window, name='beta.local')
        check_plain(window.texts(), f'the page "{page}"')


if not network.is_alone():
    print('1..0 # SKIP this is no network of its own, which takes root')
    sys.exit(0)

sys.exit(session.run({}, [
    is_found_by_its_announcement,
    it_may_not_choose_what_it_is_called,
    its_announcement_is_plain_text_where_it_is_decided,
    the_tray_leads_to_its_page,
    pages_show_plain_text,
], needs=['xfce4-panel', 'avahi-daemon', 'ip', 'nsenter'], prepare=prepare))
