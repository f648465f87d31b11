/** The picture of the README, `docs/images/panel.png`, from the real servers; with `jlpm gallery`. */
import { readFileSync } from 'fs';
import { join } from 'path';

import { expect, galata, test } from '@jupyterlab/galata';

import { openPanel, SCOPE, unstage } from '../panel';

const NOTEBOOK = 'demo.ipynb';
const SOURCE = join(__dirname, '../../rucio_jupyterlab/demo', NOTEBOOK);
const WIDTH = 350;
const LAST_CELL = 8;
const RSES = ['ALPINE_DISK', 'BALTIC_DISK', 'CASPIAN_USERDISK'];
const API = 'rucio-jupyterlab/v1';
/** Bytes per second at which a job takes long enough to be seen. */
const SLOW = 3_000_000;

test.use({
  autoGoto: false,
  mockSettings: {
    ...galata.DEFAULT_SETTINGS,
    'rucio-jupyterlab:notifications': { enabled: false }
  },
  deviceScaleFactor: 1.5,
  viewport: { width: 1360, height: 860 }
});

test('search, replicas, a job and the Z peak', async ({
  page,
  tmpPath
}, info) => {
  test.setTimeout(300_000);
  await unstage(page.request, '*');
  const notebook = `${tmpPath}/${NOTEBOOK}`;
  await page.contents.uploadContent(
    readFileSync(SOURCE, 'utf8'),
    'text',
    notebook
  );
  await page.goto();
  await page.notebook.openByPath(notebook);
  await page.notebook.run();
  const panel = await openPanel(page);
  await panel.resize(WIDTH);
  await readFromEach('RAW_ONE_GIBIBYTE');
  await panel.search(SCOPE, '*');
  await panel
    .row('deriv.DAOD_TOYZMUMU.e8514_s4369_r16083_r15970_p6697')
    .click();
  await expect(panel.root).toContainText(
    /CASPIAN_USERDISK\s*cs3\s*20 of 60 · \d+ MB\/s/
  );
  await expect(panel.root).toContainText('all here already');
  await expect(panel.row('ON_TAPE_ONLY')).toContainText('on tape', {
    timeout: 90_000
  });
  await page.notebook.selectCells(LAST_CELL);
  await page.locator('.jp-OutputArea-output img').scrollIntoViewIfNeeded();
  const limit = (bytes: number) =>
    page.request.patch(`${API}/store`, { data: { bandwidth_limit: bytes } });
  await limit(SLOW);
  try {
    await stage('5000SMALLFILES');
    await expect(panel.row('5000SMALLFILES')).toContainText(/[3-7]\d %/, {
      timeout: 60_000
    });
    await page.screenshot({
      path: join(info.project.outputDir, 'gallery', 'panel.png')
    });
  } finally {
    await limit(0);
  }

  /** Have a large file from each RSE in turn, so that its speed is known. */
  async function readFromEach(text: string): Promise<void> {
    await panel.search(SCOPE, `*${text}*`);
    await page.request.post(`${API}/jobs/clear`, { data: {} });
    for (const rse of RSES) {
      await stage(text, rse);
      await expect.poll(stateOfJob, { timeout: 60_000 }).toBe('done');
      await unstage(page.request, `*${text}*`);
    }
  }

  async function stage(text: string, rse: string | null = null): Promise<void> {
    const did = { scope: SCOPE, name: await nameOf(text) };
    await page.request.post(`${API}/jobs`, {
      data: { job: { instance: 'grid', dids: [did], rse } }
    });
  }

  async function stateOfJob(): Promise<string> {
    const answer = await page.request.get(`${API}/jobs`);
    return (await answer.json()).jobs[0].state;
  }

  async function nameOf(text: string): Promise<string> {
    const label = await panel.row(text).getAttribute('aria-label');
    return (label ?? '').split(',')[0].replace(`${SCOPE}:`, '');
  }
});
