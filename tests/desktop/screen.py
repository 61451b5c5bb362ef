# SPDX-License-Identifier: MIT
"""What is on the screen, as a screen reader has it (AT-SPI), and a person's hands: what is pressed and typed.

It speaks the protocol itself, since its library waits for programs inside of what it does when they tell it something,
which can be for ever.
"""

import subprocess

from gi.repository import Gio, GLib

from session import check, wait

REGISTRY = 'org.a11y.atspi.Registry'
ROOT = '/org/a11y/atspi/accessible/root'
ACCESSIBLE = 'org.a11y.atspi.Accessible'

# Deeper than any widget is.
DEPTH = 60

# States, as bits.
CHECKED = 1 << 4
FOCUSED = 1 << 12
SENSITIVE = 1 << 24
SHOWING = 1 << 25
VISIBLE = 1 << 30

# Roles, as numbers.
CHECK_BOX = 7
DIALOG = 16
LABEL = 29
PUSH_BUTTON = 43
TOGGLE_BUTTON = 62
HEADING = 83
BUTTONS = (PUSH_BUTTON, TOGGLE_BUTTON, CHECK_BOX)

# Programs that are on the screen too.
STRANGERS = ('xfce4-panel', 'wrapper-2.0', 'xfwm4')

# Extents are within the window: GTK 4 does not know where that is.
WINDOW_COORDINATES = 1


class Thing:
    """A widget of any program. One that is gone has no name, no state and nothing in it."""

    def __init__(self, bus, owner, path):
        self.bus = bus
        self.owner = owner
        self.path = path

    def __eq__(self, other):
        return isinstance(other, Thing) and (self.owner, self.path) == (other.owner, other.path)

    def __hash__(self):
        return hash((self.owner, self.path))

    def call(self, interface, method, arguments=None, default=None):
        try:
            answer = self.bus.call_sync(self.owner, self.path, interface, method, arguments, None,
                                        Gio.DBusCallFlags.NO_AUTO_START, 20000, None).unpack()
            return answer[0] if len(answer) == 1 else answer
        except GLib.Error:
            return default

    def read(self, interface, name, default=None):
        return self.call('org.freedesktop.DBus.Properties', 'Get', GLib.Variant('(ss)', (interface, name)), default)

    @property
    def children(self):
        return [Thing(self.bus, owner, path) for owner, path in self.call(ACCESSIBLE, 'GetChildren', default=[])
                if not path.endswith('/null')]

    @property
    def states(self):
        states = self.call(ACCESSIBLE, 'GetState', default=[0, 0])
        return states[0] | states[1] << 32

    def has(self, states):
        return self.states & states == states

    @property
    def role(self):
        return self.call(ACCESSIBLE, 'GetRole', default=0)

    @property
    def name(self):
        """Its name, or its text where it is text."""
        return self.read(ACCESSIBLE, 'Name', '') or self.text

    @property
    def label(self):
        """Its name as a person reads it. GTK 4.8 has those of buttons twice, and once with the mark of the mnemonic."""
        name = self.name.replace('_', '')
        half = len(name) // 2
        return name[:half] if name[:half] == name[half + 1:] and name[half:half + 1] == ' ' else name

    @property
    def text(self):
        return self.call('org.a11y.atspi.Text', 'GetText', GLib.Variant('(ii)', (0, -1)), '')

    @property
    def is_enabled(self):
        return self.has(SENSITIVE)

    @property
    def box(self):
        """x, y, width and height within its window."""
        return self.call('org.a11y.atspi.Component', 'GetExtents', GLib.Variant('(u)', (WINDOW_COORDINATES,)),
                         (0, 0, 0, 0))

    @property
    def is_shown(self):
        """GTK 4.8 says of nothing but windows that it is showing; what was never shown has no size."""
        return self.has(VISIBLE) and 0 not in self.box[2:]

    def walk(self, depth=0):
        """It and all in it that is shown."""
        yield self
        for child in self.children if depth < DEPTH else []:
            if child.is_shown:
                yield from child.walk(depth + 1)

    def texts(self):
        """All in it that can be read."""
        return [name for name in (thing.name for thing in self.walk()) if name]


class Screen:
    def __init__(self, session):
        address = session.bus.call_sync('org.a11y.Bus', '/org/a11y/bus', 'org.a11y.Bus', 'GetAddress', None, None, 0,
                                        -1, None).unpack()[0]
        self.bus = Gio.DBusConnection.new_for_address_sync(
            address, Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION,
            None, None)
        self.bus.set_exit_on_close(False)
        self.said = []  # what was said to who listens
        self.became_sensitive = set()  # of things
        for interface in ('Object', 'Window'):
            self.bus.signal_subscribe(None, f'org.a11y.atspi.Event.{interface}', None, None, None, 0, self.heard)
            self.bus.call_sync(REGISTRY, '/org/a11y/atspi/registry', REGISTRY, 'RegisterEvent',
                               GLib.Variant('(s)', (f'{interface.lower()}:',)), None, 0, -1, None)
        session.screen = self

    def heard(self, bus, sender, path, interface, name, parameters):
        detail, value, _, text, *_ = parameters.unpack()
        if name == 'Announcement':
            self.said.append(text)
        elif name == 'StateChanged' and detail == 'sensitive' and value:
            self.became_sensitive.add(Thing(bus, sender, path))

    # -- Finding ---------------------------------------------------------------------------------------------------

    def applications(self):
        return Thing(self.bus, REGISTRY, ROOT).children

    def windows(self, title=None):
        """Those of Vampire that are shown, of that title if one is given. Of dialogs GTK 4.8 does not say it."""
        return [window for app in self.applications() if app.name not in STRANGERS for window in app.children
                if (window.has(SHOWING) or window.role == DIALOG) and (title is None or window.name == title)]

    def window(self, title):
        return wait(f'the window "{title}" is shown', lambda: (self.windows(title) or [None])[0])

    @staticmethod
    def all(where, role=None, name=None, contains=None):
        """What is shown in @where that has one of these roles and that name, or contains that in its name."""
        roles = role if isinstance(role, tuple) else (role,)
        return [thing for thing in where.walk()
                if (role is None or thing.role in roles)
                and (name is None or name in (thing.label, thing.name))
                and (contains is None or contains in thing.name)]

    def find(self, where, role=None, name=None, contains=None):
        """The first such; waits for it."""
        return wait(f'"{name or contains or role}" is in "{where.name}"',
                    lambda: (self.all(where, role, name, contains) or [None])[0])

    def button(self, where, name):
        return self.find(where, BUTTONS, name)

    @staticmethod
    def wait_text(where, text):
        wait(f'"{text}" is to be read', lambda: any(text in one for one in where.texts()))

    def describe(self):
        lines = []
        for app in self.applications():
            lines.append(f'application "{app.name}"')
            for window in app.children:
                for thing in window.walk():
                    if thing.name:
                        lines.append(f'  {thing.call(ACCESSIBLE, "GetRoleName", default="")} "{thing.name[:150]}"'
                                     f'{"" if thing.is_enabled else " (insensitive)"}')
        return lines[:200]

    # -- Doing -----------------------------------------------------------------------------------------------------

    @staticmethod
    def press(thing):
        wait(f'"{thing.name}" can be pressed', lambda: thing.is_enabled)
        check(thing.call('org.a11y.atspi.Action', 'DoAction', GLib.Variant('(i)', (0,)), False),
              f'"{thing.name}" can be pressed')

    @staticmethod
    def focused(window):
        return next((thing for thing in window.walk() if thing.has(FOCUSED)), None)

    def focus(self, window, thing):
        """By the Tab key, as often as it takes."""
        seen = []
        while not thing.has(FOCUSED):
            here = wait('something has the focus', lambda: self.focused(window))
            check(here not in seen, f'"{thing.name}" is reached by Tab')
            seen.append(here)
            self.key('Tab')
            wait('the focus moves', lambda last=here: thing.has(FOCUSED) or not last.has(FOCUSED))

    @staticmethod
    def xdotool(*args):
        subprocess.run(['xdotool', *map(str, args)], check=True, stdout=subprocess.DEVNULL)

    def click(self, x, y, button=1):
        self.xdotool('mousemove', x, y, 'click', button)

    def key(self, *keys):
        self.xdotool('key', *keys)

    def type(self, text):
        self.xdotool('type', '--delay', 1, text)
