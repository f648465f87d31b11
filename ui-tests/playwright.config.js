/**
 * Browser tests with Galata and the Chromium of the operating system.
 *
 *   CHROMIUM=/usr/bin/chromium jlpm test:ui
 *
 * Without CHROMIUM, Playwright uses the browser that it downloaded itself.
 */
const galata = require('@jupyterlab/galata/lib/playwright-config');

module.exports = {
  ...galata,
  testDir: './tests',
  outputDir: '../test-results',
  retries: process.env.CI ? 1 : 0,
  workers: 1, // one server, hence one workspace at a time
  timeout: 90_000,
  reporter: [['list']], // the HTML reporter opens a web server after a failure
  use: {
    ...galata.use,
    baseURL: process.env.RUCIO_UI_URL,
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
  }
};
