/** The picture of the README, `docs/images/panel.png`, from the real servers; with `jlpm gallery`. */
import { readFileSync } from 'fs';
import { join } from 'path';

import { expect, galata, test } from '@jupyterlab/galata';

import { openPanel, SCOPE, unstage } from '../panel';

const NOTEBOOK = 'demo.ipynb';
const SOURCE = join(__dirname, '../../rucio_jupyterlab/demo', NOTEBOOK);
const WIDTH = 350;
const LAST_CELL = 8;
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
  await panel.search(SCOPE, '*');
  await panel
    .row('deriv.DAOD_TOYZMUMU.e8514_s4369_r16083_r15970_p6697')
    .click();
  await expect(panel.root).toContainText(/CASPIAN_USERDISK\s*cs3/);
  await expect(panel.root).toContainText('all here already');
  await expect(panel.row('ON_TAPE_ONLY')).toContainText('on tape', {
    timeout: 90_000
  });
  await page.notebook.selectCells(LAST_CELL);
  await page.locator('.jp-OutputArea-output img').scrollIntoViewIfNeeded();
  const store = 'rucio-jupyterlab/v1/store';
  const limit = (bytes: number) =>
    page.request.patch(store, { data: { bandwidth_limit: bytes } });
  await limit(SLOW);
  try {
    const did = { scope: SCOPE, name: await nameOf('5000SMALLFILES') };
    await page.request.post('rucio-jupyterlab/v1/jobs', {
      data: { job: { instance: 'grid', dids: [did] } }
    });
    await expect(panel.row('5000SMALLFILES')).toContainText(/[3-7]\d %/, {
      timeout: 60_000
    });
    await page.screenshot({
      path: join(info.project.outputDir, 'gallery', 'panel.png')
    });
  } finally {
    await limit(0);
  }

  async function nameOf(text: string): Promise<string> {
    const label = await panel.row(text).getAttribute('aria-label');
    return (label ?? '').split(',')[0].replace(`${SCOPE}:`, '');
  }
});
