/**
 * Browser tests with Galata and the Chromium of the operating system.
 *
 *   CHROMIUM=/usr/bin/chromium jlpm test:ui
 *
 * Without CHROMIUM, Playwright uses the browser that it downloaded itself. `jlpm gallery` takes pictures of
 * every state instead.
 */
const { execFileSync } = require('child_process');
const { join } = require('path');
const galata = require('@jupyterlab/galata/lib/playwright-config');

const ROOT = join(__dirname, '..');
const SERVERS = ['lab', 'lab42', 'notebook', 'control'];

/** Whether the servers run already: `RUCIO_UI_PORTS` names their ports, in the order of `SERVERS`. */
const running = process.env.RUCIO_UI_PORTS !== undefined;

// Asked of the kernel once; the workers inherit what the first process found.
process.env.RUCIO_UI_PORTS ??= freePorts(SERVERS.length).join(' ');
const ports = process.env.RUCIO_UI_PORTS.split(' ');
const portOf = Object.fromEntries(
  SERVERS.map((name, index) => [name, ports[index]])
);
const addressOf = name => `http://127.0.0.1:${portOf[name]}`;

module.exports = {
  ...galata,
  testDir: './tests',
  outputDir: '../test-results',
  retries: process.env.CI ? 1 : 0,
  workers: 1, // one server, hence one workspace at a time
  timeout: 90_000,
  reporter: [['list']], // the HTML reporter opens a web server after a failure
  projects: [
    { name: 'lab', testIgnore: /smoke|gallery|picture/ },
    {
      name: 'lab42',
      testMatch: /smoke/,
      use: { baseURL: addressOf('lab42') }
    },
    {
      name: 'notebook',
      testMatch: /smoke/,
      use: { baseURL: addressOf('notebook') }
    },
    ...(process.env.RUCIO_GALLERY
      ? [{ name: 'gallery', testMatch: /gallery|picture/ }]
      : [])
  ],
  use: {
    ...galata.use,
    baseURL: addressOf('lab'),
    actionTimeout: 10_000,
    video: 'off', // recording needs Playwright's own ffmpeg; a trace tells more
    trace: 'retain-on-failure',
    launchOptions: {
      executablePath: process.env.CHROMIUM || undefined,
      args: [
        '--no-sandbox', // needed where the tests run as the superuser, as in many containers
        '--disable-gpu',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync'
      ]
    }
  },
  webServer: {
    command: [
      'python ui-tests/serve.py',
      ...SERVERS.map(name => `--${name} ${portOf[name]}`)
    ].join(' '),
    cwd: ROOT,
    url: addressOf('control'), // it answers once everything else does
    timeout: 300_000,
    reuseExistingServer: running,
    gracefulShutdown: { signal: 'SIGTERM', timeout: 60_000 }
  },
  metadata: { control: addressOf('control') }
};

/** Ports that are free now, in one go so that none is told twice. */
function freePorts(count) {
  const script = `
    const { createServer } = require('net');
    const servers = Array.from({ length: ${count} }, () => createServer());
    let waiting = servers.length;
    for (const server of servers) {
      server.listen(0, '127.0.0.1', () => {
        waiting -= 1;
        if (waiting === 0) {
          console.log(servers.map(one => one.address().port).join(' '));
          servers.forEach(one => one.close());
        }
      });
    }`;
  return execFileSync(process.execPath, ['-e', script], { encoding: 'utf8' })
    .trim()
    .split(' ');
}
