# SPDX-License-Identifier: MIT
"""A desktop session for a test: a screen, a message bus, the keyring, a panel, and Vampire in it, all its own.

Nothing in it is the person's who runs the test, and nothing of it outlives the test. What a test waits for is told by
somebody: by the bus, by the gateway's events, by the screen readers' interface, by the end of a process. It is never
time.
"""

import ctypes
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import traceback

try:
    from gi.repository import Gio, GLib
except ImportError:
    print('1..0 # SKIP python3-gi is not installed')
    sys.exit(0)

APP_ID = 'io.github.lmstudio_vampire.Vampire'

# Longer than anything here takes on a busy machine; the case fails then, and those after it get less.
PATIENCE_S = int(os.environ.get('VAMPIRE_DESKTOP_PATIENCE', '60'))
PATIENCE_AFTER_FAILURE_S = 5
# Only where nobody tells of a change: pixels, and what the kernel says of a process.
LOOK_MS = 100

PROGRAMS = ['Xvfb', 'dbus-daemon', 'xfwm4', 'xdotool', 'xprop']

BUS_CONFIG = """<busconfig>
  <type>session</type>
  <listen>unix:path={bus}</listen>
  <servicedir>{services}</servicedir>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"""
# What the bus starts when it is asked for; nothing else that happens to be installed.
BUS_SERVICES = ['org.a11y.Bus', 'org.xfce.Xfconf']

KEYRING_PASSWORD = b'the owner\'s password'

HERE = os.path.dirname(os.path.realpath(__file__))


class Failed(Exception):
    """A case's expectation that was not met."""


def check(condition, text):
    if not condition:
        raise Failed(text)


def check_equal(found, wanted, what):
    if found != wanted:
        raise Failed(f'{what}: {found!r} in place of {wanted!r}')


# -- Waiting -------------------------------------------------------------------------------------------------------

def wait(what, predicate, looks=False):
    """Until @predicate is true, which is asked again whenever anything happened; returns what it said.

    @looks: it is asked now and then too, since nobody tells of what it depends on"""
    context = GLib.MainContext.default()
    late = []

    def be_late():
        late.append(True)
        return GLib.SOURCE_REMOVE

    patience = GLib.timeout_add_seconds(PATIENCE_AFTER_FAILURE_S if wait.has_failed else PATIENCE_S, be_late)
    look = GLib.timeout_add(LOOK_MS, lambda: GLib.SOURCE_CONTINUE) if looks else 0
    try:
        while True:
            value = predicate()
            if value:
                return value
            if late:
                raise Failed(f'waited in vain: {what}')
            context.iteration(True)
            while context.iteration(False):
                pass
    finally:
        if not late:
            GLib.source_remove(patience)
        if look:
            GLib.source_remove(look)


wait.has_failed = False


# -- Processes -----------------------------------------------------------------------------------------------------

libc = ctypes.CDLL(None)


def end_with_parent():
    libc.prctl(1, signal.SIGKILL)


class Process:
    """A program of the session. What it writes is in a file, and can be waited for by lines."""

    def __init__(self, session, name, *args, env=None, stdin=subprocess.DEVNULL):
        self.name = name
        self.log = os.path.join(session.home, f'{name}.log')
        self.lines = []
        self.status = None  # None: it runs
        self.ends_by = signal.SIGKILL
        with open(self.log, 'ab') as log:
            self.process = subprocess.Popen(args, env={**session.env, **(env or {})}, stdin=stdin, stderr=log,
                                            stdout=subprocess.PIPE, preexec_fn=end_with_parent)
        self.pid = self.process.pid
        os.set_blocking(self.process.stdout.fileno(), False)
        self.rest = b''
        self.reader = GLib.io_add_watch(self.process.stdout.fileno(), GLib.PRIORITY_DEFAULT,
                                        GLib.IOCondition.IN | GLib.IOCondition.HUP, self.read)
        GLib.child_watch_add(GLib.PRIORITY_DEFAULT, self.pid, self.ended)

    def read(self, fd, condition):
        try:
            data = os.read(fd, 65536)
        except BlockingIOError:
            return GLib.SOURCE_CONTINUE
        self.rest += data
        *lines, self.rest = self.rest.split(b'\n')
        self.lines += [line.decode() for line in lines]
        if not data:
            self.reader = 0
        return bool(data)

    def ended(self, pid, status):
        self.status = os.waitstatus_to_exitcode(status)
        self.process.returncode = self.status

    def line(self, prefix):
        """What follows @prefix in the first line that begins so; waits for it."""
        def find():
            check(self.status is None, f'{self.name} ended with {self.status}')
            return next((line for line in self.lines if line.startswith(prefix)), None)

        return wait(f'{self.name} says "{prefix}"', find)[len(prefix):]

    def is_running(self):
        return self.status is None

    def wait_end(self):
        wait(f'{self.name} ends', lambda: self.status is not None)
        return self.status

    def kill(self, number=signal.SIGKILL):
        if self.status is None:
            os.kill(self.pid, number)

    def end(self):
        self.kill(self.ends_by)
        self.wait_end()
        if self.reader:
            GLib.source_remove(self.reader)
        self.reader = 0
        self.process.stdout.close()

    def tail(self, n=15):
        with open(self.log, encoding='utf-8', errors='replace') as log:
            return log.read().splitlines()[-n:]


def memory_kb(pid):
    """RssAnon and RssFile of a process, in KiB."""
    with open(f'/proc/{pid}/status', encoding='ascii') as status:
        fields = dict(line.split(':', 1) for line in status)
    return sum(int(fields[name].split()[0]) for name in ('RssAnon', 'RssFile'))


# -- The gateway ---------------------------------------------------------------------------------------------------

class Gateway:
    """What a client on this computer can ask of a gateway; its events wake who waits."""

    def __init__(self, address):
        self.host, port = address.removeprefix('http://').removesuffix('/v1').rsplit(':', 1)
        self.port = int(port)
        self.events = None
        self.watch = 0

    @property
    def url(self):
        return f'http://{self.host}:{self.port}'

    def ask(self, method, path, body=None):
        """Status and document."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=PATIENCE_S)
        try:
            headers = {'Content-Type': 'application/json'} if body is not None else {}
            connection.request(method, path, json.dumps(body) if body is not None else None, headers)
            answer = connection.getresponse()
            text = answer.read()
            return answer.status, json.loads(text) if text else None
        finally:
            connection.close()

    def get(self, what):
        status, document = self.ask('GET', f'/vampire/v1/{what}')
        check_equal(status, 200, f'GET {what}')
        return document

    def post(self, what, body=None, method='POST'):
        status, document = self.ask(method, f'/vampire/v1/{what}', body)
        check(200 <= status < 300, f'{method} {what}: {status} {document}')
        return document

    def follow(self):
        """From now on whoever waits is woken by what happens at the gateway."""
        self.events = socket.create_connection((self.host, self.port))
        self.events.sendall(b'GET /vampire/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n')
        check(self.events.recv(65536).startswith(b'HTTP/1.1 200'), 'the events can be followed')
        self.watch = GLib.io_add_watch(self.events.fileno(), GLib.PRIORITY_DEFAULT,
                                       GLib.IOCondition.IN | GLib.IOCondition.HUP, self.read)
        return self

    def read(self, fd, condition):
        try:
            goes_on = bool(self.events.recv(65536))
        except OSError:
            goes_on = False
        if not goes_on:
            self.watch = 0
        return goes_on

    def close(self):
        if self.watch:
            GLib.source_remove(self.watch)
        self.watch = 0
        if self.events is not None:
            self.events.close()

    def chat(self, question, model='qwen/qwen3-4b', door=None, key=None):
        """@door: "127.0.0.2:1", where others connect, with their key; None: as this computer"""
        host, _, port = (door or f'{self.host}:{self.port}').rpartition(':')
        return Chat(host, int(port), question, model, key)


class Chat:
    """A client with a streamed answer; its text so far, and whether it ended as it should."""

    def __init__(self, host, port, question, model, key):
        body = json.dumps({'model': model, 'stream': True, 'messages': [{'role': 'user', 'content': question}]})
        self.data = b''
        self.is_over = False
        authorization = f'Authorization: Bearer {key}\r\n' if key is not None else ''
        self.socket = socket.create_connection((host, port))
        self.socket.sendall(f'POST /v1/chat/completions HTTP/1.0\r\nHost: {host}\r\n{authorization}'
                            f'Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}'.encode())
        GLib.io_add_watch(self.socket.fileno(), GLib.PRIORITY_DEFAULT, GLib.IOCondition.IN | GLib.IOCondition.HUP,
                          self.read)

    def read(self, fd, condition):
        try:
            data = self.socket.recv(65536)
        except OSError:
            data = b''
        self.data += data
        self.is_over = not data
        return bool(data)

    @property
    def text(self):
        text = ''
        for line in self.data.split(b'\n'):
            if line.startswith(b'data: {') and line.rstrip().endswith(b'}'):
                choices = json.loads(line[6:]).get('choices') or [{}]
                text += choices[0].get('delta', {}).get('content') or ''
        return text

    def wait_text(self):
        """The whole answer."""
        wait('the answer ends', lambda: self.is_over)
        return self.text

    @property
    def is_complete(self):
        return b'data: [DONE]' in self.data


# -- The session ---------------------------------------------------------------------------------------------------

class Session:
    def __init__(self):
        self.home = tempfile.mkdtemp(prefix='vampire-desktop-')
        self.programs = []
        self.gateways = []
        self.bus = None
        self.panel = None
        self.env = self.make_environment()

    def begin(self, panel=True, keyring=True):
        """@panel: with a panel that has a tray; @keyring: with one, unlocked"""
        self.start_screen()
        self.start_bus()
        if keyring and shutil.which('gnome-keyring-daemon'):
            self.start_keyring()
        self.start('xfwm4', 'xfwm4', '--compositor=off', '--sm-client-disable')
        if panel:
            self.panel = self.start_panel()
        # A window that comes before it is ready never gets the focus.
        wait('the window manager is there', self.has_manager, looks=True)

    def make_environment(self):
        home = self.home
        keeps = ('PATH', 'ASAN_OPTIONS', 'LSAN_OPTIONS', 'UBSAN_OPTIONS', 'TMPDIR')
        env = {name: os.environ[name] for name in keeps if name in os.environ}
        for name in ('config', 'data', 'cache', 'state', 'run', 'services'):
            os.mkdir(f'{home}/{name}', mode=0o700)
        return {
            **env,
            'HOME': home,
            'XDG_CONFIG_HOME': f'{home}/config',
            'XDG_DATA_HOME': f'{home}/data',
            'XDG_CACHE_HOME': f'{home}/cache',
            'XDG_STATE_HOME': f'{home}/state',
            'XDG_RUNTIME_DIR': f'{home}/run',
            'DBUS_SESSION_BUS_ADDRESS': f'unix:path={home}/bus',
            'LC_ALL': 'C.UTF-8',
            'GDK_BACKEND': 'x11',
            'GSK_RENDERER': 'cairo',
            'GTK_USE_PORTAL': '0',
            'ADW_DISABLE_PORTAL': '1',
            'GSETTINGS_BACKEND': 'memory',
            'GIO_USE_VFS': 'local',
        }

    def start(self, name, *args, **more):
        process = Process(self, name, *args, **more)
        self.programs.append(process)
        return process

    def start_screen(self):
        # It would begin anew, and refuse who comes meanwhile, when its only client leaves.
        screen = self.start('Xvfb', 'Xvfb', '-displayfd', '1', '-screen', '0', '1280x1000x24', '-nolisten', 'tcp',
                            '-noreset')
        # It removes its files when it ends by itself.
        screen.ends_by = signal.SIGTERM
        self.env['DISPLAY'] = ':' + screen.line('')

    def has_manager(self):
        answer = subprocess.run(['xprop', '-root', '_NET_ACTIVE_WINDOW'], env=self.env, check=True, capture_output=True)
        return b'window id' in answer.stdout

    def start_bus(self):
        for name in BUS_SERVICES:
            path = f'/usr/share/dbus-1/services/{name}.service'
            if os.path.exists(path):
                os.symlink(path, f'{self.home}/services/{name}.service')
        with open(f'{self.home}/bus.conf', 'w', encoding='utf-8') as config:
            config.write(BUS_CONFIG.format(bus=f'{self.home}/bus', services=f'{self.home}/services'))
        daemon = self.start('dbus-daemon', 'dbus-daemon', '--nofork', '--nopidfile', '--print-address',
                            f'--config-file={self.home}/bus.conf')
        daemon.line('unix:')
        # What this process asks of the bus and of the screen, by libraries and by xdotool, it asks of these.
        os.environ.update({name: self.env[name] for name in ('DBUS_SESSION_BUS_ADDRESS', 'DISPLAY', 'XDG_RUNTIME_DIR')})
        self.bus = Gio.DBusConnection.new_for_address_sync(
            self.env['DBUS_SESSION_BUS_ADDRESS'], Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT |
            Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION, None, None)
        self.bus.set_exit_on_close(False)
        self.bus.signal_subscribe('org.freedesktop.DBus', 'org.freedesktop.DBus', 'NameOwnerChanged', None, None, 0,
                                  lambda *args: None)

    def has_name(self, name):
        answer = self.bus.call_sync('org.freedesktop.DBus', '/org/freedesktop/DBus', 'org.freedesktop.DBus',
                                    'NameHasOwner', GLib.Variant('(s)', (name,)), None, 0, -1, None)
        return answer.unpack()[0]

    def wait_name(self, name, present=True):
        wait(f'{name} is {"there" if present else "gone"}', lambda: self.has_name(name) == present)

    def start_keyring(self):
        keyring = self.start('gnome-keyring-daemon', 'gnome-keyring-daemon', '--foreground', '--components=secrets',
                             '--unlock', stdin=subprocess.PIPE)
        keyring.process.stdin.write(KEYRING_PASSWORD)
        keyring.process.stdin.close()
        self.wait_name('org.freedesktop.secrets')

    def start_panel(self):
        panel = self.start('xfce4-panel', os.path.join(HERE, '..', 'tray', 'panel'))
        self.wait_name('org.kde.StatusNotifierWatcher')
        return panel

    def stop_panel(self):
        self.panel.end()
        self.wait_name('org.kde.StatusNotifierWatcher', False)

    def start_simulator(self, name, *args, port=0):
        simulator = self.start(f'simulator-{name}', os.environ['LMSTUDIO_SIM'], f'--port={port}', f'--name={name}',
                               '--fast', *args)
        line = simulator.line('lmstudio-sim ')
        simulator.gateway = Gateway(line[line.index('http://'):])
        return simulator

    def app_args(self, *args):
        return [os.environ['VAMPIRE_DESKTOP'], *args]

    def app_env(self):
        return {
            'VAMPIRE_WINDOWS_PROGRAM': os.environ['VAMPIRE_WINDOWS_PROGRAM'],
            'VAMPIRE_ICON_DIR': os.environ['VAMPIRE_ICON_DIR'],
            'VAMPIRE_PORT': '0',
            'VAMPIRE_DNS_SD_TYPES': 'none',
            'VAMPIRE_SHARE_ADDRESS': '127.0.0.2',
            'G_DEBUG': 'fatal-criticals',
        }

    def start_app(self, *args, simulator=None, env=None):
        """vampire-desktop, with that simulator as the LM Studio of this computer."""
        more = {**self.app_env(), **(env or {})}
        if simulator is not None:
            more['VAMPIRE_DEFAULT_BASE_URL'] = simulator.gateway.url
        return self.start('vampire-desktop', *self.app_args(*args), env=more)

    def run_app(self, *args):
        """vampire-desktop as it is started while it runs already: its exit status."""
        return self.start('vampire-desktop-again', *self.app_args(*args), env=self.app_env()).wait_end()

    def gateway_of(self, program):
        """The gateway that listens in that program, followed."""
        gateway = Gateway(program.line('Vampire listening on ')).follow()
        self.gateways.append(gateway)
        return gateway

    def close(self):
        for gateway in self.gateways:
            gateway.close()
        for program in reversed(self.programs):
            program.end()
        # What the bus had started ends with it, and may write a last time.
        for _ in range(50):
            shutil.rmtree(self.home, ignore_errors=True)
            if not os.path.exists(self.home):
                return


# -- Cases ---------------------------------------------------------------------------------------------------------

def run(session_arguments, cases, needs=(), prepare=None):
    """Runs the cases, functions of a session, in their order, in one session; prints TAP.

    @needs: programs beyond those that any session needs; @prepare: what is done once before"""
    missing = [program for program in (*PROGRAMS, *needs) if shutil.which(program) is None]
    if missing:
        print(f'1..0 # SKIP not installed: {", ".join(missing)}')
        return 0

    print(f'1..{len(cases)}', flush=True)
    session = Session()
    n_failed = 0
    try:
        session.begin(**session_arguments)
        if prepare is not None:
            prepare(session)
        for number, case in enumerate(cases, 1):
            name = f'/{os.path.basename(sys.argv[0]).removesuffix(".py").removeprefix("test-")}/' + \
                case.__name__.replace('_', '-')
            try:
                note = case(session)
                print(f'ok {number} - {name}' + (f'\n# {note}' if note else ''), flush=True)
            except Exception as error:  # pylint: disable=broad-except
                n_failed += 1
                wait.has_failed = True
                print(f'not ok {number} - {name}', flush=True)
                tell(error, session, name)
    except Exception as error:  # pylint: disable=broad-except
        print('Bail out! the session could not be prepared', flush=True)
        tell(error, session, 'session')
        n_failed += 1
    finally:
        session.close()
    return 1 if n_failed else 0


def tell(error, session, name):
    lines = traceback.format_exception(error) if not isinstance(error, Failed) else \
        [*traceback.format_tb(error.__traceback__)[-3:], str(error)]
    for program in session.programs:
        if program.name.startswith('vampire'):
            lines += [f'-- {program.name}:', *program.tail()]
    if hasattr(session, 'screen'):
        lines += ['-- on the screen:', *session.screen.describe()]
    for line in '\n'.join(lines).splitlines():
        print(f'# {line}', flush=True)
    keep = os.environ.get('VAMPIRE_DESKTOP_PICTURES')
    if keep is not None and shutil.which('import'):
        subprocess.run(['import', '-window', 'root', os.path.join(keep, f'{os.path.basename(name)}.png')],
                       check=False)
