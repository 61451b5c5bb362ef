#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Vampire in the tray of a real panel: its icon and menu, its windows when it is started again, and its end."""

import os
import sys

import session
from screen import Screen
from session import check, check_equal, memory_kb, wait
from tray import Tray

SHARE = 'Share on This Network'

# With a gateway that has one node and nobody who waits.
LABELS = ['Ready with 1 node', SHARE, 'Pause Gateway', 'Nodes', 'Open Playground', 'Copy Endpoint Address',
          'Open Dashboard', 'Preferences', 'Quit']


def prepare(desk):
    Screen(desk)
    desk.tray = Tray(desk)
    desk.simulator = desk.start_simulator('studio')
    desk.app = desk.start_app('--background', simulator=desk.simulator)
    desk.gateway = desk.gateway_of(desk.app)


def is_sharing(desk):
    return desk.gateway.get('share')['enabled']


def wait_sharing(desk, shares):
    wait(f'sharing is {"on" if shares else "off"}', lambda: is_sharing(desk) == shares)


def wait_icon(desk, state):
    wait(f'the icon says "{state}"', lambda: desk.tray.property('IconName').endswith(f'-tray-{state}-symbolic'))


def windows_processes(desk):
    """Those of vampire-windows that run for this app."""
    with open(f'/proc/{desk.app.pid}/task/{desk.app.pid}/children', encoding='ascii') as children:
        return children.read().split()


def page_title(desk, title):
    window = desk.screen.window('Vampire')
    wait(f'the page "{title}" is shown',
         lambda: any(title in thing.texts() for thing in window.walk() if thing.name == 'AdwWindowTitle'))
    return window


# -- Icon and menu -------------------------------------------------------------------------------------------------

def icon_is_seen_in_a_panel(desk):
    desk.tray.wait_item()
    check_equal(desk.tray.property('Id'), session.APP_ID, 'id')
    check(desk.tray.property('IconName').startswith(f'{session.APP_ID}-tray-'), 'the icon has a name')
    check(desk.tray.property('IconPixmap'), 'and pixels for panels that do not have it')
    desk.tray.wait_seen()


def menu_has_its_labels(desk):
    wait('the menu is as promised', lambda: desk.tray.labels() == LABELS)
    check_equal(desk.tray.labels(1), ['This Computer', 'All Nodes…'], 'below "Nodes"')
    check_equal([number['label'] for _, _, number in desk.tray.menu() if 'toggle-type' in number],
                [SHARE, 'Pause Gateway'], 'what has a check mark')


def icon_shows_the_state(desk):
    wait_icon(desk, 'off')
    picture = desk.tray.picture()
    desk.tray.choose('Pause Gateway')
    wait('the gateway is paused', lambda: desk.gateway.get('status')['paused'])
    wait_icon(desk, 'paused')
    wait('the panel draws another icon', lambda: desk.tray.picture() != picture, looks=True)
    desk.tray.choose('Pause Gateway')
    wait_icon(desk, 'off')


def share_is_toggled_by_a_click_in_the_panel(desk):
    check(not is_sharing(desk), 'nothing is shared at first')
    desk.tray.click_item(SHARE)
    wait_sharing(desk, True)
    desk.tray.wait_checked(SHARE, True)
    desk.tray.click_item(SHARE)
    wait_sharing(desk, False)
    desk.tray.wait_checked(SHARE, False)


def share_is_toggled_by_the_bus(desk):
    desk.tray.choose(SHARE)
    wait_sharing(desk, True)
    wait_icon(desk, 'sharing')
    desk.tray.wait_checked(SHARE, True)
    desk.tray.choose(SHARE)
    wait_sharing(desk, False)


def icon_comes_back_with_a_new_panel(desk):
    desk.stop_panel()
    desk.panel = desk.start_panel()
    desk.tray.wait_item()
    desk.tray.wait_seen()


# -- Windows -------------------------------------------------------------------------------------------------------

def in_the_background_no_window_is_shown(desk):
    check_equal(desk.screen.windows(), [], 'windows')
    check_equal(windows_processes(desk), [], 'processes with windows')
    return f'resident at first: {memory_kb(desk.app.pid)} KiB'


def started_again_it_presents_its_window(desk):
    check_equal(desk.run_app(), 0, 'exit status')
    page_title(desk, 'Overview')
    check_equal(len(windows_processes(desk)), 1, 'processes with windows')
    check(desk.app.is_running(), 'the first one runs')


def started_again_it_shows_the_page(desk):
    for page, title in (('nodes', 'Nodes'), ('playground', 'Playground')):
        check_equal(desk.run_app('--page', page), 0, 'exit status')
        page_title(desk, title)
    check_equal(len(desk.screen.windows()), 1, 'windows')
    check_equal(len(windows_processes(desk)), 1, 'processes with windows')
    check_equal(desk.run_app('--page', 'cellar'), 2, 'exit status for a page that there is not')


def a_click_on_the_icon_shows_the_window(desk):
    desk.screen.click(17, 17)
    page_title(desk, 'Overview')


def the_last_window_leaves_a_small_resident(desk):
    for page in ('overview', 'preferences', 'playground'):
        check_equal(desk.run_app('--page', page), 0, 'exit status')
        desk.screen.window('Vampire')
        close_all(desk)
        check(desk.app.is_running(), 'it goes on')
        check_equal(desk.gateway.ask('GET', '/health')[0], 200, 'the gateway answers')
    kilobytes = memory_kb(desk.app.pid)
    limit = int(os.environ.get('VAMPIRE_MEMORY_KIB', '0'))
    check(limit == 0 or kilobytes <= limit, f'{kilobytes} KiB are resident, at most {limit} were promised')
    return f'resident after windows were opened and closed three times: {kilobytes} KiB'


def close_all(desk):
    while desk.screen.windows():
        window = desk.screen.windows()[-1]
        desk.screen.press(desk.screen.button(window, 'Close'))
        wait('a window is closed', lambda gone=window: gone not in desk.screen.windows())
    wait('the program with the windows ends', lambda: windows_processes(desk) == [], looks=True)


def quit_quits(desk):
    check_equal(desk.run_app('--quit'), 0, 'exit status')
    check_equal(desk.app.wait_end(), 0, 'exit status of the one that ran')
    desk.wait_name(session.APP_ID, False)
    wait('its icon is gone', lambda: desk.tray.items() == [])
    check(desk.run_app('--quit') != 0, 'nothing is left to quit')


sys.exit(session.run({}, [
    in_the_background_no_window_is_shown,
    icon_is_seen_in_a_panel,
    menu_has_its_labels,
    icon_shows_the_state,
    share_is_toggled_by_a_click_in_the_panel,
    share_is_toggled_by_the_bus,
    icon_comes_back_with_a_new_panel,
    started_again_it_presents_its_window,
    started_again_it_shows_the_page,
    a_click_on_the_icon_shows_the_window,
    the_last_window_leaves_a_small_resident,
    quit_quits,
], needs=['xfce4-panel', 'import'], prepare=prepare))
