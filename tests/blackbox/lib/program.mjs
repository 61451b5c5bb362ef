/* SPDX-License-Identifier: MIT
 *
 * A program under test as a child process: its environment is what the test says and nothing else, its lines can be
 * waited for, and how it ended is checked.
 */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/* What sanitizers and GLib say when something is wrong, and the gateway's own level "error". */
const COMPLAINT = /CRITICAL|Sanitizer|runtime error:|\+\d\d:\d\d error |"level":"error"/;

/* Variables that are for the sanitizers and for coverage, not for the program. */
const TOOLS = /^(ASAN|UBSAN|LSAN|TSAN)_OPTIONS$|^(GCOV|LLVM)_|^G_SLICE$/;

/* Everything a program may find or write: a directory of its own. */
export class Home {
  constructor() {
    this.path = mkdtempSync(path.join(tmpdir(), 'vampire-test-'));
  }

  environment(extra = {}) {
    const tools = Object.entries(process.env).filter(([name]) => TOOLS.test(name));

    return {
      ...Object.fromEntries(tools),
      PATH: process.env.PATH,
      HOME: this.path,
      TMPDIR: this.path,
      XDG_CONFIG_HOME: path.join(this.path, 'config'),
      XDG_DATA_HOME: path.join(this.path, 'data'),
      XDG_STATE_HOME: path.join(this.path, 'state'),
      XDG_CACHE_HOME: path.join(this.path, 'cache'),
      XDG_RUNTIME_DIR: this.path,
      G_DEBUG: process.env.G_DEBUG ?? 'fatal-criticals',
      ...extra,
    };
  }

  remove() {
    rmSync(this.path, { recursive: true, force: true });
  }
}

export class Program {
  #child;
  #watchers = new Set();

  /* @home: where it lives, and what it finds there */
  constructor(home, file, args, env) {
    this.home = home;
    this.stdout = '';
    this.stderr = '';
    this.expectedEnd = { code: 0, signal: null };
    this.#child = spawn(file, args, { env: home.environment(env), stdio: ['ignore', 'pipe', 'pipe'] });
    for (const name of ['stdout', 'stderr']) {
      this.#child[name].setEncoding('utf8').on('data', (text) => {
        this[name] += text;
        this.#notify();
      });
    }
    /* Resolves to { code, signal } when it has ended and its output is complete. */
    this.ended = new Promise((resolve) => {
      const end = (code, signal) => {
        this.end ??= { code, signal };
        resolve(this.end);
        this.#notify();
      };

      this.#child.once('error', (error) => end(error.code, null));
      this.#child.once('close', end);
    });
  }

  get pid() {
    return this.#child.pid;
  }

  #notify() {
    for (const watcher of this.#watchers)
      watcher();
  }

  /* Waits until @pattern is found in what it writes to @stream from @from on. Returns the match. */
  waitFor(pattern, { stream = 'stderr', from = 0 } = {}) {
    return new Promise((resolve, reject) => {
      const watcher = () => {
        const match = this[stream].slice(from).match(pattern);

        if (match !== null)
          resolve(match);
        else if (this.end)
          reject(new Error(`it ended without saying ${pattern}: ${JSON.stringify(this.end)}\n${this.stderr}`));
        else
          return;
        this.#watchers.delete(watcher);
      };

      this.#watchers.add(watcher);
      watcher();
    });
  }

  /* Waits for the line on stdout that says it is ready. Returns the match. */
  async ready(pattern) {
    try {
      return await this.waitFor(pattern, { stream: 'stdout' });
    } catch (error) {
      this.home.remove();
      throw error;
    }
  }

  signal(name) {
    this.#child.kill(name);
  }

  kill() {
    this.#child.kill('SIGKILL');
    return this.ended;
  }

  assertNoComplaint() {
    const complaint = this.stderr.split('\n').find((line) => COMPLAINT.test(line));

    assert.equal(complaint, undefined, this.stderr);
  }

  /* SIGTERM, unless it has ended already, and then a look at how it ended. */
  async stop() {
    if (!this.end)
      this.signal('SIGTERM');
    assert.deepEqual(await this.ended, this.expectedEnd, this.stderr);
    this.assertNoComplaint();
  }

  #statusKilobytes(name) {
    const status = readFileSync(`/proc/${this.pid}/status`, 'latin1');

    return Number(status.match(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm'))[1]);
  }

  /* Open file descriptors. */
  get descriptors() {
    return readdirSync(`/proc/${this.pid}/fd`).length;
  }

  /* Bytes in memory now, and at most since its start. */
  get residentBytes() {
    return this.#statusKilobytes('VmRSS') * 1024;
  }

  get peakBytes() {
    return this.#statusKilobytes('VmHWM') * 1024;
  }

  /* Whether a sanitizer is at work, which maps terabytes for its shadow: memory and times then tell nothing. */
  get isSanitized() {
    return this.#statusKilobytes('VmSize') > 1024 ** 3;
  }
}
