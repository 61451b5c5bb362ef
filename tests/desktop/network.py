# SPDX-License-Identifier: MIT
"""Two computers joined by a cable, each a network namespace with its own system bus and avahi-daemon. The first one is
the namespace of the test, which must be one of its own (tests/dnssd/run)."""

import os
import socket
import subprocess

from gi.repository import Gio, GLib

from session import wait

BUS_CONFIG = """<busconfig>
  <type>system</type>
  <listen>unix:path={bus}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/><allow own="*"/><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/>
  </policy>
</busconfig>
"""

AVAHI_CONFIG = """[server]
host-name={name}
allow-interfaces=cable
use-ipv4=yes
use-ipv6=no
ratelimit-interval-usec=1000000
ratelimit-burst=10000
[publish]
publish-workstation=no
[rlimits]
"""

AVAHI = 'org.freedesktop.Avahi'


class Computer:
    """@holder: a process in its namespace; None: the test's"""

    def __init__(self, desk, name, address, holder):
        self.desk = desk
        self.name = name
        self.address = address
        self.enter = ['nsenter', f'--net=/proc/{holder.pid}/ns/net'] if holder is not None else []
        self.bus_address = f'unix:path={desk.home}/{name}.bus'

    def run(self, *args):
        subprocess.run([*self.enter, *args], check=True)

    def start(self, name, *args, **more):
        return self.desk.start(name, *self.enter, *args, **more)

    def start_avahi(self):
        home = self.desk.home
        for kind, text in (('bus', BUS_CONFIG.format(bus=f'{home}/{self.name}.bus')),
                           ('avahi', AVAHI_CONFIG.format(name=self.name))):
            with open(f'{home}/{self.name}-{kind}.conf', 'w', encoding='utf-8') as config:
                config.write(text)
        self.desk.start(f'bus-{self.name}', 'dbus-daemon', '--nofork', '--nopidfile', '--print-address',
                        f'--config-file={home}/{self.name}-bus.conf').line('unix:')
        self.bus = Gio.DBusConnection.new_for_address_sync(
            self.bus_address, Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT |
            Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION, None, None)
        self.bus.set_exit_on_close(False)
        self.bus.signal_subscribe(None, None, 'NameOwnerChanged', None, None, 0, lambda *args: None)
        # Each has its own /run, for its socket and the file with its process number.
        self.start(f'avahi-{self.name}', 'unshare', '--mount', '--propagation', 'private', 'sh', '-c',
                   'mount -t tmpfs tmpfs /run && mkdir /run/avahi-daemon && '
                   f'exec avahi-daemon --no-drop-root --no-chroot --no-rlimits --no-proc-title --file={home}/{self.name}-avahi.conf',
                   env={'DBUS_SYSTEM_BUS_ADDRESS': self.bus_address})
        wait(f'the avahi-daemon of {self.name} is there', self.has_avahi)

    def has_avahi(self):
        return self.bus.call_sync('org.freedesktop.DBus', '/', 'org.freedesktop.DBus', 'NameHasOwner',
                                  GLib.Variant('(s)', (AVAHI,)), None, 0, -1, None).unpack()[0]

    def announce(self, name, kind, port):
        def call(path, interface, method, arguments=None):
            return self.bus.call_sync(AVAHI, path, f'{AVAHI}.{interface}', method, arguments, None, 0, -1,
                                      None).unpack()

        group = call('/', 'Server', 'EntryGroupNew')[0]
        call(group, 'EntryGroup', 'AddService',
             GLib.Variant('(iiussssqaay)', (-1, -1, 0, name, kind, '', '', port, [])))
        call(group, 'EntryGroup', 'Commit')


def set_up(desk):
    """Both, with nothing running but the daemons."""
    holder = desk.start('holder', 'unshare', '--net', 'sh', '-c', 'ip link set lo up; echo there; exec sleep infinity')
    holder.line('there')
    here, there = Computer(desk, 'alpha', '10.77.0.1', None), Computer(desk, 'beta', '10.77.0.2', holder)
    here.run('ip', 'link', 'add', 'cable', 'index', '77', 'type', 'veth', 'peer', 'name', 'cable', 'index', '77',
             'netns', str(holder.pid))
    for computer in (here, there):
        computer.run('ip', 'address', 'add', f'{computer.address}/24', 'dev', 'cable')
        computer.run('ip', 'link', 'set', 'cable', 'up')
    for computer in (here, there):
        computer.start_avahi()
    return here, there


def is_alone():
    """Whether this is a network of its own, as root."""
    return os.getuid() == 0 and [name for _, name in socket.if_nameindex()] == ['lo']
