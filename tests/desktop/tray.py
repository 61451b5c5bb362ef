# SPDX-License-Identifier: MIT
"""The tray from outside: Vampire's icon as panels ask for it on the bus, and in a real panel as a person sees it; and a
service that shows notifications, which only writes them down."""

import subprocess

from gi.repository import Gio, GLib

from session import check, wait

WATCHER = 'org.kde.StatusNotifierWatcher'
ITEM = 'org.kde.StatusNotifierItem'
MENU = 'com.canonical.dbusmenu'
PROPERTIES = 'org.freedesktop.DBus.Properties'

# The first icon of the panel.
ICON_X, ICON_Y, ICON_SIZE = 17, 17, 32


class Tray:
    """Vampire's item, as the watcher has it."""

    def __init__(self, session):
        self.session = session
        self.bus = session.bus
        self.owner = None
        # Whatever it and the watcher tell wakes who waits.
        for interface in (WATCHER, ITEM, MENU):
            self.bus.signal_subscribe(None, interface, None, None, None, 0, lambda *args: None)

    def call(self, owner, path, interface, method, arguments):
        return self.bus.call_sync(owner, path, interface, method, arguments, None, 0, 20000, None).unpack()

    def items(self):
        try:
            return self.call(WATCHER, '/StatusNotifierWatcher', PROPERTIES, 'Get',
                             GLib.Variant('(ss)', (WATCHER, 'RegisteredStatusNotifierItems')))[0]
        except GLib.Error:
            return []

    def wait_item(self):
        item = wait('an icon is registered', self.items)[0]
        self.owner = item.partition('/')[0]
        return self

    def property(self, name):
        return self.call(self.owner, '/StatusNotifierItem', PROPERTIES, 'Get', GLib.Variant('(ss)', (ITEM, name)))[0]

    def menu(self):
        """Items as (depth, id, properties), separators left out."""
        path = self.property('Menu')
        _, root = self.call(self.owner, path, MENU, 'GetLayout', GLib.Variant('(iias)', (0, -1, [])))
        found = []

        def add(entry, depth):
            number, properties, children = entry
            if depth >= 0 and properties.get('type') != 'separator':
                found.append((depth, number, properties))
            for child in children:
                add(child, depth + 1)

        add(root, -1)
        return found

    def labels(self, depth=0):
        """As they are read: a menu takes one "_" for a mnemonic, and two for one."""
        return [properties['label'].replace('__', '_') for at, _, properties in self.menu() if at == depth]

    def entry(self, label):
        return next(((number, properties) for _, number, properties in self.menu() if properties['label'] == label),
                    None)

    def choose(self, label):
        number, _ = wait(f'"{label}" is in the menu', lambda: self.entry(label))
        self.call(self.owner, self.property('Menu'), MENU, 'Event',
                  GLib.Variant('(isvu)', (number, 'clicked', GLib.Variant('i', 0), 0)))

    def is_checked(self, label):
        return self.entry(label)[1].get('toggle-state') == 1

    def wait_checked(self, label, checked):
        wait(f'"{label}" is {"" if checked else "not "}checked', lambda: self.is_checked(label) == checked)

    # -- In the panel ----------------------------------------------------------------------------------------------

    def picture(self):
        """What is at the icon's place, as bytes of grey."""
        area = f'{ICON_SIZE}x{ICON_SIZE}+{ICON_X - ICON_SIZE // 2}+{ICON_Y - ICON_SIZE // 2}'
        return subprocess.run(['import', '-silent', '-window', 'root', '-crop', area, '+repage', '-colorspace', 'gray',
                               '-depth', '8', 'gray:-'],
                              env=self.session.env, check=True, capture_output=True).stdout

    def is_seen(self):
        """An empty panel has one colour; the icon is drawn in one that differs much."""
        picture = self.picture()
        background = max(set(picture), key=picture.count)
        return len([byte for byte in picture if abs(byte - background) > 80]) > 40

    def wait_seen(self):
        wait('the icon is seen in the panel', self.is_seen, looks=True)

    def open_menu(self):
        """By a right click; where it is: x, y, width, height."""
        screen = self.session.screen

        def geometry():
            found = subprocess.run(['xdotool', 'search', '--onlyvisible', '--class', 'wrapper', 'getwindowgeometry',
                                    '--shell', '%@'], env=self.session.env, check=False, capture_output=True,
                                   text=True).stdout
            boxes, box = [], {}
            for line in found.splitlines():
                name, _, value = line.partition('=')
                box[name] = value
                if name == 'HEIGHT':
                    boxes.append(tuple(int(box[key]) for key in ('X', 'Y', 'WIDTH', 'HEIGHT')))
            return next((box for box in boxes if box[3] > 4 * ICON_SIZE), None)

        screen.click(ICON_X, ICON_Y, 3)
        return wait('the panel shows the menu', geometry, looks=True)

    def click_item(self, label):
        """In the menu that the panel draws: its items are of one height, and lines between them of next to none."""
        labels = self.labels()
        x, y, width, height = self.open_menu()
        self.session.screen.click(x + width // 2, y + int(height * (labels.index(label) + 0.5) / len(labels)))


NOTIFICATIONS = """<node><interface name="org.freedesktop.Notifications">
  <method name="Notify">
    <arg type="s" direction="in"/><arg type="u" direction="in"/><arg type="s" direction="in"/>
    <arg type="s" direction="in"/><arg type="s" direction="in"/><arg type="as" direction="in"/>
    <arg type="a{sv}" direction="in"/><arg type="i" direction="in"/><arg type="u" direction="out"/>
  </method>
  <method name="CloseNotification"><arg type="u" direction="in"/></method>
  <method name="GetCapabilities"><arg type="as" direction="out"/></method>
  <method name="GetServerInformation">
    <arg type="s" direction="out"/><arg type="s" direction="out"/>
    <arg type="s" direction="out"/><arg type="s" direction="out"/>
  </method>
  <signal name="NotificationClosed"><arg type="u"/><arg type="u"/></signal>
  <signal name="ActionInvoked"><arg type="u"/><arg type="s"/></signal>
</interface></node>"""


class Notifications:
    """Those that are shown are in @shown, by their number; all that ever were, in @all."""

    def __init__(self, session):
        self.bus = session.bus
        self.shown = {}
        self.all = []
        self.last = 0
        interface = Gio.DBusNodeInfo.new_for_xml(NOTIFICATIONS).interfaces[0]
        self.bus.register_object('/org/freedesktop/Notifications', interface, self.called, None, None)
        self.bus.call_sync('org.freedesktop.DBus', '/org/freedesktop/DBus', 'org.freedesktop.DBus', 'RequestName',
                           GLib.Variant('(su)', ('org.freedesktop.Notifications', 0)), None, 0, -1, None)

    def called(self, bus, sender, path, interface, method, parameters, invocation):
        values = parameters.unpack()
        answer = None
        if method == 'Notify':
            _, replaces, _, title, body, actions, _, _ = values
            number = replaces
            if number == 0:
                self.last += 1
                number = self.last
            self.shown[number] = {'title': title, 'body': body, 'actions': dict(zip(actions[::2], actions[1::2]))}
            self.all.append(self.shown[number])
            answer = GLib.Variant('(u)', (number,))
        elif method == 'CloseNotification':
            if self.shown.pop(values[0], None) is not None:
                self.signal('NotificationClosed', '(uu)', (values[0], 3))
        elif method == 'GetCapabilities':
            answer = GLib.Variant('(as)', (['actions', 'body', 'body-markup'],))
        else:
            answer = GLib.Variant('(ssss)', ('test', 'test', '1', '1.2'))
        invocation.return_value(answer)

    def signal(self, name, types, values):
        self.bus.emit_signal(None, '/org/freedesktop/Notifications', 'org.freedesktop.Notifications', name,
                             GLib.Variant(types, values))

    def find(self, text):
        return next(((number, one) for number, one in self.shown.items() if text in one['title']), None)

    def wait(self, text):
        return wait(f'a notification with "{text}" is shown', lambda: self.find(text))

    def wait_gone(self, text):
        wait(f'the notification with "{text}" is withdrawn', lambda: self.find(text) is None)

    def choose(self, number, label):
        """Presses a button of it; what is chosen is closed."""
        action = next((action for action, name in self.shown[number]['actions'].items() if name == label), None)
        check(action is not None, f'the notification has a button "{label}"')
        self.signal('ActionInvoked', '(us)', (number, action))
        del self.shown[number]
        self.signal('NotificationClosed', '(uu)', (number, 2))
